import type { GraphBuilder } from "./graph-builder.ts";
import { type Node, type Shape, sizeOf } from "./node.ts";
import { keepAxes, padRank } from "./shape.ts";

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
    if (isConstant(left) || isConstant(right)) return b.binary(x.op, sum(left), sum(right));
  }
  return null;
}

/** The factors of a product, two levels deep; scalars and broadcasts among them. */
function factorsOf(x: Node): Node[] {
  return x.inputs.flatMap((factor) => (factor.op === "mul" ? [...factor.inputs] : [factor]));
}

function isConstantAlong(shape: Shape, full: Shape, axes: readonly number[]): boolean {
  const aligned = padRank(shape, full.length);
  return axes.every((axis) => aligned[axis] === 1);
}
