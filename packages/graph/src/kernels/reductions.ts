import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, sizeOf } from "../node.ts";
import { keepAxes } from "../shape.ts";
import { type KernelAttributes, type Lowerings, oneAxis, taking, wrap } from "./lowering.ts";
import { sliceAlong } from "./take-along.ts";

/** Sums, extrema and products over axes, and their running forms. */
export const reductionKernels: Lowerings = {
  Sum: (b, { x }, { axis, keepDims }) =>
    reduced(b, counted(b, x!), axis, keepDims, (y, axes) => b.reduceSum(y, axes)),
  Mean: (b, { x }, { axis, keepDims }) =>
    reduced(b, b.cast(x!, "float32"), axis, keepDims, (y, axes) =>
      b.binary("mul", b.reduceSum(y, axes), b.splat(1 / sizeOf(axes.map((i) => y.shape[i]!)))),
    ),
  Prod: (b, { x }, { axis, keepDims }) =>
    reduced(b, counted(b, x!), axis, keepDims, (y, axes) => productOver(b, y, axes)),
  Any: (b, { x }, { axis, keepDims }) => reduced(b, x!, axis, keepDims, (y, axes) => isAny(b, y, axes)),
  All: (b, { x }, { axis, keepDims }) =>
    reduced(b, x!, axis, keepDims, (y, axes) => b.not(isAny(b, b.not(y), axes))),
  ...taking(["float32", "int32"], {
    Max: (b, { x }, { reductionIndices, keepDims }) =>
      reduced(b, x!, reductionIndices, keepDims, (y, axes) => b.reduceMax(y, axes)),
    Min: (b, { x }, { axis, keepDims }) =>
      reduced(b, x!, axis, keepDims, (y, axes) => b.unary("neg", b.reduceMax(b.unary("neg", y), axes))),
    ArgMax: (b, { x }, { axis }) => b.argMax(x!, oneAxis(axis, x!.shape.length)),
    ArgMin: (b, { x }, { axis }) => b.argMax(b.unary("neg", x!), oneAxis(axis, x!.shape.length)),
  }),
  Cumsum: (b, { x }, attributes) => running(b, counted(b, x!), "add", attributes),
  Cumprod: (b, { x }, attributes) => running(b, counted(b, x!), "mul", attributes),
};

/** Truth values as 0 and 1. */
function counted(b: GraphBuilder, x: Node): Node {
  return x.dtype === "bool" ? b.cast(x, "int32") : x;
}

function reduced(
  b: GraphBuilder,
  x: Node,
  axis: number | number[] | null | undefined,
  keepDims: boolean | undefined,
  reduce: (x: Node, axes: number[]) => Node,
): Node {
  const all = x.shape.map((_, i) => i);
  const axes = axis === null || axis === undefined ? all : [axis].flat().map((i) => wrap(i, x.shape.length));
  const result = reduce(x, axes);
  return keepDims === true ? b.reshape(result, keepAxes(x.shape, axes)) : result;
}

function isAny(b: GraphBuilder, x: Node, axes: readonly number[]): Node {
  return b.compare("less", b.splat(0), b.reduceMax(b.cast(x, "float32"), axes));
}

/** The product as a tree of halves: no division, so its gradient is right where a factor is 0. */
function productOver(b: GraphBuilder, x: Node, axes: readonly number[]): Node {
  const rest = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const shape = rest.map((axis) => x.shape[axis]!);
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  let factors = b.reshape(b.transpose(x, [...axes, ...rest]), [count, ...shape]);
  for (let left = count; left > 1; left = factors.shape[0]!) {
    const middle = left >> 1;
    const product = b.binary(
      "mul",
      sliceAlong(b, factors, 0, 0, middle),
      sliceAlong(b, factors, 0, middle, middle),
    );
    factors = left % 2 === 0 ? product : b.concat([product, sliceAlong(b, factors, 0, left - 1, 1)], 0);
  }
  return b.reshape(factors, shape);
}

/** Running sums or products along an axis: each round doubles how many elements an element has taken in. */
function running(
  b: GraphBuilder,
  x: Node,
  op: "add" | "mul",
  { axis, exclusive, reverse }: KernelAttributes,
): Node {
  const at = oneAxis(axis, x.shape.length);
  const side = x.shape[at]!;
  // Each element's neighbour `distance` before it (behind it, in reverse), neutral ones at the end.
  const neighbours = (y: Node, distance: number): Node => {
    const edge = b.splat(
      op === "add" ? 0 : 1,
      x.shape.map((n, i) => (i === at ? distance : n)),
      x.dtype,
    );
    const rest = sliceAlong(b, y, at, reverse ? distance : 0, side - distance);
    return side === distance ? edge : b.concat(reverse ? [rest, edge] : [edge, rest], at);
  };
  let y = exclusive ? neighbours(x, 1) : x;
  for (let distance = 1; distance < side; distance *= 2) y = b.binary(op, y, neighbours(y, distance));
  return y;
}
