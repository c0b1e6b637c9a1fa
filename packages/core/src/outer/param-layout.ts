/**
 * A parameter that the experiment's optimizer leaves alone: `-rate * mean gradient` is added to it, neither
 * clipped nor scheduled. With rate 1 and the gradient `(1 - decay) (p - batch)` it is an exponential mean.
 */
export interface OuterRule {
  readonly type: "plain";
  /** >= 0. */
  readonly rate: number;
}

/** One named parameter inside the flat vector. */
export interface ParamEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** First float of this parameter in the flat vector. */
  readonly offset: number;
  readonly size: number;
  /** Who moves it in the outer step, if not the experiment's optimizer. */
  readonly outer?: OuterRule;
}

/** How the named parameters of a model lie in one flat float32 vector, in declaration order. */
export interface ParamLayout {
  readonly entries: readonly ParamEntry[];
  /** Floats in the flat vector. */
  readonly size: number;
}

/** Lays parameters out one after the other, in the order given. */
export function layoutParams(params: readonly Pick<ParamEntry, "name" | "shape" | "outer">[]): ParamLayout {
  let offset = 0;
  const entries = params.map(({ name, shape, outer }): ParamEntry => {
    const size = shape.reduce((product, side) => product * side, 1);
    const entry = { name, shape, offset, size, ...(outer === undefined ? {} : { outer }) };
    offset += size;
    return entry;
  });
  return { entries, size: offset };
}
