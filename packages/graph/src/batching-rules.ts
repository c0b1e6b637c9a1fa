import type { GraphBuilder } from "./graph-builder.ts";
import type { Node, NodeOf, Primitive, Shape } from "./node.ts";
import { padRank } from "./shape.ts";

/** A node of the mapped function: with a leading axis of `size` examples, or the same for all of them. */
export interface Mapped {
  readonly node: Node;
  readonly batched: boolean;
}

/** From a node `y` of the function of one example to the same node for `size` examples at once. */
type BatchingRule<P extends Primitive> = (
  b: GraphBuilder,
  y: NodeOf<P>,
  inputs: readonly Mapped[],
  size: number,
) => Node;

/** The same operation with the leading axis in front, where shapes follow by broadcasting. */
const elementWise =
  (make: (b: GraphBuilder, operands: readonly Node[]) => Node): BatchingRule<never> =>
  (b, y: { readonly shape: Shape }, inputs) => {
    const rank = y.shape.length + 1;
    return make(
      b,
      inputs.map(({ node, batched }) =>
        batched ? b.reshape(node, alignBehindFirst(node.shape, rank)) : node,
      ),
    );
  };

const unary = (b: GraphBuilder, y: Node, [x]: readonly Mapped[]): Node => b.unary(y.op as "neg", x!.node);
const binary: BatchingRule<never> = (b, y: Node, inputs, size) =>
  elementWise((_, [left, right]) => b.binary(y.op as "add", left!, right!))(b, y as never, inputs, size);
const compare: BatchingRule<never> = (b, y: Node, inputs, size) =>
  elementWise((_, [left, right]) => b.compare(y.op as "less", left!, right!))(b, y as never, inputs, size);
const logical: BatchingRule<never> = (b, y: Node, inputs, size) =>
  elementWise((_, [left, right]) => b.logical(y.op as "and", left!, right!))(b, y as never, inputs, size);

/**
 * One rule per primitive: the examples of a batch lie along axis 0.
 *
 * Rules are called only where some input is batched. Convolutions carry the axis themselves (each example
 * may have its own filter); pools take it into the images.
 */
export const batchingRules: { readonly [P in Primitive]: BatchingRule<P> } = {
  input: (_, y) => y as Node,
  constant: (_, y) => y as Node,
  variable: (b, _, [x]) => b.variable(x!.node),
  stopGradient: (b, _, [x]) => b.stopGradient(x!.node),
  neg: unary as BatchingRule<"neg">,
  exp: unary as BatchingRule<"exp">,
  expm1: unary as BatchingRule<"expm1">,
  log: unary as BatchingRule<"log">,
  log1p: unary as BatchingRule<"log1p">,
  sqrt: unary as BatchingRule<"sqrt">,
  sin: unary as BatchingRule<"sin">,
  cos: unary as BatchingRule<"cos">,
  atan: unary as BatchingRule<"atan">,
  tanh: unary as BatchingRule<"tanh">,
  sigmoid: unary as BatchingRule<"sigmoid">,
  erf: unary as BatchingRule<"erf">,
  relu: unary as BatchingRule<"relu">,
  abs: unary as BatchingRule<"abs">,
  sign: unary as BatchingRule<"sign">,
  floor: unary as BatchingRule<"floor">,
  add: binary as BatchingRule<"add">,
  sub: binary as BatchingRule<"sub">,
  mul: binary as BatchingRule<"mul">,
  div: binary as BatchingRule<"div">,
  max: binary as BatchingRule<"max">,
  min: binary as BatchingRule<"min">,
  pow: binary as BatchingRule<"pow">,
  equal: compare as BatchingRule<"equal">,
  less: compare as BatchingRule<"less">,
  lessEqual: compare as BatchingRule<"lessEqual">,
  and: logical as BatchingRule<"and">,
  or: logical as BatchingRule<"or">,
  not: (b, _, [x]) => b.not(x!.node),
  select: (b, y, inputs, size) =>
    elementWise((_, [mask, yes, no]) => b.select(mask!, yes!, no!))(b, y as never, inputs, size),
  cast: (b, y, [x]) => b.cast(x!.node, y.attributes.to),

  reshape: (b, y, [x], size) => b.reshape(x!.node, [size, ...y.shape]),
  transpose: (b, y, [x]) => b.transpose(x!.node, [0, ...y.attributes.permutation.map((axis) => axis + 1)]),
  broadcast: (b, y, [x], size) => {
    const inner = x!.node.shape.slice(1);
    return b.broadcast(b.reshape(x!.node, [size, ...padRank(inner, y.shape.length)]), [size, ...y.shape]);
  },
  reduceSum: (b, y, [x]) =>
    b.reduceSum(
      x!.node,
      y.attributes.axes.map((axis) => axis + 1),
    ),
  reduceMax: (b, y, [x]) =>
    b.reduceMax(
      x!.node,
      y.attributes.axes.map((axis) => axis + 1),
    ),
  argMax: (b, y, [x]) => b.argMax(x!.node, y.attributes.axis + 1),
  slice: (b, y, [x], size) => b.slice(x!.node, [0, ...y.attributes.begin], [size, ...y.shape]),
  pad: (b, y, [x], size) => b.pad(x!.node, [0, ...y.attributes.before], [size, ...y.shape]),
  concat: (b, y, inputs, size) =>
    b.concat(
      inputs.map((x) => spread(b, x, size)),
      y.attributes.axis + 1,
    ),
  gather: (b, y, [x, indices], size) => {
    const { axis } = y.attributes;
    if (!indices!.batched) return b.gather(x!.node, indices!.node, axis + 1);
    // Example t reads from its own part, t * side behind: one gather from all examples, laid end to end.
    const side = y.inputs[0]!.shape[axis]!;
    const rows = axisFirst(b, spread(b, x!, size), axis);
    const found = b.gather(rows, shifted(b, indices!.node, side), 0);
    return axesBack(b, found, y.inputs[1]!.shape.length, axis);
  },
  scatterAdd: (b, y, [updates, indices], size) => {
    const { axis, size: side } = y.attributes;
    if (!indices!.batched) return b.scatterAdd(updates!.node, indices!.node, axis + 1, side);
    const rank = y.inputs[1]!.shape.length;
    const rows = axesFirst(b, spread(b, updates!, size), axis, rank);
    const sum = b.scatterAdd(rows, shifted(b, indices!.node, side), 0, size * side);
    return axesBack(b, b.reshape(sum, [size, side, ...sum.shape.slice(1)]), 1, axis);
  },
  matMul: (b, y, [left, right], size) => {
    const { transposeA, transposeB } = y.attributes;
    if (left!.batched && !right!.batched && y.shape.length === 2 && !transposeA) {
      // Rows of all examples against one matrix: one large product.
      const [rows, inner] = left!.node.shape.slice(1) as [number, number];
      const product = b.matMul(b.reshape(left!.node, [size * rows, inner]), right!.node, false, transposeB);
      return b.reshape(product, [size, ...y.shape]);
    }
    return b.matMul(spread(b, left!, size), spread(b, right!, size), transposeA, transposeB);
  },

  conv: (b, y, [x, filter], size) => {
    const sides: [number, number] = [y.shape.at(-3)!, y.shape.at(-2)!];
    if (!filter!.batched && y.shape.length === 4) {
      const merged = b.conv(images(b, x!, size), filter!.node, y.attributes.window, sides);
      return b.reshape(merged, [size, ...y.shape]);
    }
    return b.conv(spread(b, x!, size), spread(b, filter!, size), y.attributes.window, sides);
  },
  convInputGrad: (b, y, [dy, filter], size) => {
    const sides: [number, number] = [y.shape.at(-3)!, y.shape.at(-2)!];
    if (!filter!.batched && y.shape.length === 4) {
      const merged = b.convInputGrad(images(b, dy!, size), filter!.node, y.attributes.window, sides);
      return b.reshape(merged, [size, ...y.shape]);
    }
    return b.convInputGrad(spread(b, dy!, size), spread(b, filter!, size), y.attributes.window, sides);
  },
  convFilterGrad: (b, y, [x, dy], size) =>
    b.convFilterGrad(spread(b, x!, size), spread(b, dy!, size), y.attributes.window),
  poolSelect: (b, y, [reference, x], size) => {
    const sides: [number, number] = [y.shape[1]!, y.shape[2]!];
    const selected = b.poolSelect(
      images(b, reference!, size),
      images(b, x!, size),
      y.attributes.window,
      sides,
    );
    return b.reshape(selected, [size, ...y.shape]);
  },
  poolScatter: (b, y, [reference, dy], size) =>
    b.reshape(b.poolScatter(images(b, reference!, size), images(b, dy!, size), y.attributes.window), [
      size,
      ...y.shape,
    ]),
};

/** `[size, ...s]` with ones between its first axis and the others, up to `rank`. */
function alignBehindFirst(shape: Shape, rank: number): Shape {
  return [shape[0]!, ...padRank(shape.slice(1), rank - 1)];
}

/** The node with the leading axis, copies of one where it had none. */
function spread(b: GraphBuilder, { node, batched }: Mapped, size: number): Node {
  return batched ? node : b.broadcast(b.reshape(node, [1, ...node.shape]), [size, ...node.shape]);
}

/** `[size, N, H, W, C]` as `[size * N, H, W, C]`. */
function images(b: GraphBuilder, x: Mapped, size: number): Node {
  const node = spread(b, x, size);
  return b.reshape(node, [size * node.shape[1]!, ...node.shape.slice(2)]);
}

/** `[size, ..., side, ...]` as rows `[size * side, ...]`, the axis `axis` of each example in front. */
function axisFirst(b: GraphBuilder, x: Node, axis: number): Node {
  const rows = axesFirst(b, x, axis, 1);
  return b.reshape(rows, [rows.shape[0]! * rows.shape[1]!, ...rows.shape.slice(2)]);
}

/** Brings `count` axes of each example, from `axis` on, right behind the leading one. */
function axesFirst(b: GraphBuilder, x: Node, axis: number, count: number): Node {
  const moved = Array.from({ length: count }, (_, i) => 1 + axis + i);
  const others = Array.from({ length: x.shape.length - 1 }, (_, i) => i + 1).filter(
    (i) => !moved.includes(i),
  );
  return b.transpose(x, [0, ...moved, ...others]);
}

/** Brings `count` axes behind the leading one back to `axis` of each example. */
function axesBack(b: GraphBuilder, x: Node, count: number, axis: number): Node {
  const moved = Array.from({ length: count }, (_, i) => i + 1);
  const others = Array.from({ length: x.shape.length - 1 - count }, (_, i) => i + 1 + count);
  return b.transpose(x, [0, ...others.slice(0, axis), ...moved, ...others.slice(axis)]);
}

/** Indices `[size, ...]` of each example's own rows, as indices into the rows of all. */
function shifted(b: GraphBuilder, indices: Node, side: number): Node {
  const size = indices.shape[0]!;
  const offsets = Int32Array.from({ length: size }, (_, t) => t * side);
  const shape = indices.shape.map((_, axis) => (axis === 0 ? size : 1));
  return b.binary("add", indices, b.constant(offsets, shape, "int32"));
}
