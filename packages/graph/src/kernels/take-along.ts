import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, sizeOf } from "../node.ts";
import { integers } from "./lowering.ts";

/** `count` elements of `x` along `axis`, from `begin` on. */
export function sliceAlong(b: GraphBuilder, x: Node, axis: number, begin: number, count: number): Node {
  return b.slice(
    x,
    x.shape.map((_, i) => (i === axis ? begin : 0)),
    x.shape.map((side, i) => (i === axis ? count : side)),
  );
}

/** The elements of `x` at `positions` along `axis`, in this order; a run of neighbours is a slice. */
export function takeAlong(b: GraphBuilder, x: Node, axis: number, positions: readonly number[]): Node {
  const begin = positions[0] ?? 0;
  if (positions.every((position, i) => position === begin + i)) {
    return sliceAlong(b, x, axis, begin, positions.length);
  }
  return b.gather(x, integers(b, positions), axis);
}

/** Applies the linear map `matrix`, `[to, from]`, to `x` along `axis`. */
export function mapAlong(b: GraphBuilder, x: Node, axis: number, matrix: readonly number[][]): Node {
  const [to, from] = [matrix.length, x.shape[axis]!];
  const others = x.shape.map((_, i) => i).filter((i) => i !== axis);
  const rest = others.map((i) => x.shape[i]!);
  const columns = b.reshape(b.transpose(x, [axis, ...others]), [from, sizeOf(rest)]);
  const weights = b.constant(Float32Array.from(matrix.flat()), [to, from], "float32");
  const mapped = b.reshape(b.matMul(weights, columns), [to, ...rest]);
  const back = x.shape.map((_, i) => (i === axis ? 0 : others.indexOf(i) + 1));
  return b.transpose(mapped, back);
}
