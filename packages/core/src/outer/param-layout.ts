/** One named parameter inside the flat vector. */
export interface ParamEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** First float of this parameter in the flat vector. */
  readonly offset: number;
  readonly size: number;
}

/** How the named parameters of a model lie in one flat float32 vector, in declaration order. */
export interface ParamLayout {
  readonly entries: readonly ParamEntry[];
  /** Floats in the flat vector. */
  readonly size: number;
}

/** Lays parameters out one after the other, in the order given. */
export function layoutParams(
  params: readonly { readonly name: string; readonly shape: readonly number[] }[],
): ParamLayout {
  let offset = 0;
  const entries = params.map(({ name, shape }) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const entry = { name, shape, offset, size };
    offset += size;
    return entry;
  });
  return { entries, size: offset };
}
