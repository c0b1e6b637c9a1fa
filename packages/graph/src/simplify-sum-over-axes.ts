import type { GraphBuilder } from "./graph-builder.ts";
import { type Node, type Shape, sameShape, sizeOf } from "./node.ts";
import { keepAxes, padRank } from "./shape.ts";
import { splatValue } from "./splat.ts";

/**
 * Rules for a sum over axes: what is constant along them moves out of the sum.
 *
 * `axes` all have more than one element. Returns null where no rule applies, or the sum with its axes
 * kept as ones.
 */
export function simplifySumOverAxes(b: GraphBuilder, x: Node, axes: readonly number[]): Node | null {
  const kept = keepAxes(x.shape, axes);
  const sum = (y: Node): Node => b.reshape(b.reduceSum(b.broadcast(y, x.shape), axes), kept);
  const isConstant = (y: Node): boolean => isConstantAlong(y.shape, x.shape, axes);
  if (x.op === "broadcast") {
    // n copies of y add up to n y
    const inner = b.reshape(x.inputs[0]!, padRank(x.inputs[0]!.shape, x.shape.length));
    const repeated = axes.filter((axis) => inner.shape[axis] === 1);
    if (repeated.length === 0) return null;
    const rest = axes.filter((axis) => inner.shape[axis] !== 1);
    const once = b.reshape(b.reduceSum(inner, rest), keepAxes(inner.shape, rest));
    return b.broadcast(
      b.binary("mul", once, b.splat(sizeOf(repeated.map((axis) => x.shape[axis]!)), [], x.dtype)),
      kept,
    );
  }
  if (x.dtype === "float32" && sumsToZero(x, axes)) return b.splat(0, kept);
  if (x.op === "neg") return b.unary("neg", sum(x.inputs[0]!));
  if (x.op === "mul") {
    // sum (s X Y) = s sum (X Y) for every factor s that does not change along the axes
    const factors = factorsOf(x);
    const outside = factors.filter(isConstant);
    if (outside.length === 0) return null;
    const inside = factors.filter((factor) => !isConstant(factor));
    const product = inside.reduce((y, factor) => b.binary("mul", y, factor));
    return outside.reduce((y, factor) => b.binary("mul", y, factor), sum(product));
  }
  if (x.op === "add" || x.op === "sub") {
    // sum (X + s) = sum X + n s
    const [left, right] = x.inputs as [Node, Node];
    const isApart = (y: Node): boolean =>
      isConstant(y) || (sameShape(y.shape, x.shape) && sumsToZero(y, axes));
    if (isApart(left) || isApart(right)) return b.binary(x.op, sum(left), sum(right));
  }
  return null;
}

/** Nodes that `sumsToZero` looks through, one below the other. */
const DEPTH_MAX = 6;

/**
 * True if `x` adds up to zero along the axes but for rounding: something minus its own mean, or what is made
 * of such things alone. The gradient of a batch norm is full of them.
 */
function sumsToZero(x: Node, axes: readonly number[], depth = DEPTH_MAX): boolean {
  if (depth === 0) return false;
  const isFull = (y: Node): boolean => sameShape(y.shape, x.shape);
  const isZero = (y: Node): boolean => isFull(y) && sumsToZero(y, axes, depth - 1);
  const [left, right] = x.inputs as [Node, Node];
  switch (x.op) {
    case "neg":
      return isZero(left);
    case "mul":
      return (
        (isConstantAlong(right.shape, x.shape, axes) && isZero(left)) ||
        (isConstantAlong(left.shape, x.shape, axes) && isZero(right))
      );
    case "add":
      return (
        isMean(right, left, axes, -1) || isMean(left, right, axes, -1) || (isZero(left) && isZero(right))
      );
    case "sub":
      return isMean(right, left, axes, 1) || isMean(left, right, axes, 1) || (isZero(left) && isZero(right));
    default:
      return false;
  }
}

/** True if `mean` is the mean of `x` over the axes, or minus that. */
function isMean(mean: Node, x: Node, axes: readonly number[], sign: 1 | -1): boolean {
  const lacking = x.shape.length - mean.shape.length;
  if (lacking < 0 || !sameShape(padRank(mean.shape, x.shape.length), keepAxes(x.shape, axes))) return false;
  const scaled = behindReshape(mean);
  if (scaled.op !== "mul") return false;
  const count = sizeOf(axes.map((axis) => x.shape[axis]!));
  return [scaled.inputs, [...scaled.inputs].reverse()].some(([factor, sum]) => {
    const value = splatValue(factor!);
    const inner = behindReshape(sum!);
    // The factor is rounded to float32.
    const isShare = value !== null && Math.abs(value * count - sign) < 1e-6;
    return (
      isShare && inner.op === "reduceSum" && inner.inputs[0] === x && sameShape(inner.attributes.axes, axes)
    );
  });
}

function behindReshape(node: Node): Node {
  return node.op === "reshape" ? node.inputs[0]! : node;
}

/** The factors of a product, two levels deep; scalars and broadcasts among them. */
function factorsOf(x: Node): Node[] {
  return x.inputs.flatMap((factor) => (factor.op === "mul" ? [...factor.inputs] : [factor]));
}

function isConstantAlong(shape: Shape, full: Shape, axes: readonly number[]): boolean {
  const aligned = padRank(shape, full.length);
  return axes.every((axis) => aligned[axis] === 1);
}
