import { backend_util } from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, type Shape, sizeOf } from "../node.ts";
import { type KernelInputs, type Lowerings, oneAxis, refused, wrap } from "./lowering.ts";
import { takeAlong } from "./take-along.ts";

/** Elements in another order, repeated, joined or with more around them. */
export const shapeKernels: Lowerings = {
  Reshape: (b, { x }, { shape }) => b.reshape(x!, knownShape(x!.shape, shape)),
  ExpandDims: (b, { input }, { dim }) => {
    const axis = dim < 0 ? dim + input!.shape.length + 1 : dim;
    return b.reshape(input!, [...input!.shape.slice(0, axis), 1, ...input!.shape.slice(axis)]);
  },
  Transpose: (b, { x }, { perm }) => b.transpose(x!, perm),
  Tile: (b, { x }, { reps }) => tile(b, x!, reps),
  Reverse: (b, { x }, { dims }) => {
    const given = typeof dims === "number" ? [dims] : (dims ?? x!.shape.map((_, axis) => axis));
    const axes = new Set(given.map((axis) => wrap(axis, x!.shape.length)));
    return [...axes].reduce((y, axis) => reversed(b, y, axis), x!);
  },
  FlipLeftRight: (b, { image }) => reversed(b, image!, 2),

  Concat: (b, inputs, { axis }) => {
    const parts = ofOneDtype("Concat", inputs);
    return b.concat(
      parts.filter((part) => sizeOf(part.shape) > 0),
      oneAxis(axis, parts[0]!.shape.length),
    );
  },
  Pack: (b, inputs, { axis }) => {
    const parts = ofOneDtype("Pack", inputs);
    const at = oneAxis(axis, parts[0]!.shape.length + 1);
    return b.concat(
      parts.map((part) => b.reshape(part, [...part.shape.slice(0, at), 1, ...part.shape.slice(at)])),
      at,
    );
  },

  PadV2: (b, { x }, { paddings, constantValue }) => {
    const [before, shape] = around(x!.shape, paddings);
    const padded = b.pad(x!, before, shape);
    if (constantValue === 0) return padded;
    const inside = b.pad(b.splat(1, x!.shape), before, shape);
    return b.select(b.compare("less", b.splat(0), inside), padded, b.splat(constantValue, [], x!.dtype));
  },
  // Reflected at the edge elements ("reflect") or at the edges ("symmetric", which repeats the edge elements)
  MirrorPad: (b, { x }, { paddings, mode }) => {
    const gap = mode === "reflect" ? 1 : 0;
    return paddings.reduce((y, [front, back], axis) => {
      const side = x!.shape[axis]!;
      const before = Array.from({ length: front }, (_, i) => front - 1 - i + gap);
      const inside = Array.from({ length: side }, (_, i) => i);
      const after = Array.from({ length: back }, (_, i) => side - 1 - i - gap);
      return takeAlong(b, y, axis, [...before, ...inside, ...after]);
    }, x!);
  },

  // [n, h, w, (i, j, c)] becomes [n, (h, i), (w, j), c]
  DepthToSpace: (b, { x }, { blockSize, dataFormat }) => {
    if (dataFormat === "NCHW") throw refused("DepthToSpace with dataFormat NCHW", "use NHWC");
    const [images, height, width, depth] = x!.shape as [number, number, number, number];
    const channels = depth / (blockSize * blockSize);
    const blocks = b.reshape(x!, [images, height, width, blockSize, blockSize, channels]);
    return b.reshape(b.transpose(blocks, [0, 1, 3, 2, 4, 5]), [
      images,
      height * blockSize,
      width * blockSize,
      channels,
    ]);
  },
  SpaceToBatchND: (b, { x }, { blockShape, paddings }) => {
    const whole = x!.shape.map((_, axis) => paddings[axis - 1] ?? ([0, 0] as [number, number]));
    const [before, shape] = around(x!.shape, whole);
    const { split, order, merged } = blocksOf(shape, blockShape, false);
    return b.reshape(b.transpose(b.reshape(b.pad(x!, before, shape), split), order), merged);
  },
  BatchToSpaceND: (b, { x }, { blockShape, crops }) => {
    const { split, order, merged } = blocksOf(x!.shape, blockShape, true);
    const whole = b.reshape(b.transpose(b.reshape(x!, split), order), merged);
    const begin = backend_util.getSliceBeginCoords(crops, blockShape.length);
    const rest = merged.slice(begin.length);
    return b.slice(
      whole,
      [...begin, ...rest.map(() => 0)],
      [...backend_util.getSliceSize(merged, crops, blockShape.length), ...rest],
    );
  },
};

function ofOneDtype(kernel: string, inputs: KernelInputs): Node[] {
  const parts = Object.values(inputs);
  const dtypes = [...new Set(parts.map(({ dtype }) => dtype))];
  if (dtypes.length > 1) throw refused(`${kernel} of ${dtypes.join(" and ")}`, "cast with tf.cast first");
  return parts;
}

function knownShape(from: Shape, to: readonly number[]): Shape {
  const open = to.indexOf(-1);
  if (open === -1) return to;
  const rest = sizeOf(to.filter((_, axis) => axis !== open));
  return to.map((side, axis) => (axis === open ? sizeOf(from) / rest : side));
}

function tile(b: GraphBuilder, x: Node, reps: readonly number[]): Node {
  // [a, b] tiled by [m, n] is [1, a, 1, b] broadcast to [m, a, n, b], read as [m a, n b].
  const spread = b.reshape(
    x,
    x.shape.flatMap((side) => [1, side]),
  );
  const repeated = b.broadcast(
    spread,
    x.shape.flatMap((side, axis) => [reps[axis]!, side]),
  );
  return b.reshape(
    repeated,
    x.shape.map((side, axis) => side * reps[axis]!),
  );
}

function reversed(b: GraphBuilder, x: Node, axis: number): Node {
  const side = x.shape[axis]!;
  return takeAlong(
    b,
    x,
    axis,
    Array.from({ length: side }, (_, i) => side - 1 - i),
  );
}

/** How far `shape` moves when it is padded, and the padded shape. */
function around(shape: Shape, paddings: readonly [number, number][]): [before: number[], shape: Shape] {
  return [
    paddings.map(([front]) => front),
    shape.map((side, axis) => side + paddings[axis]![0] + paddings[axis]![1]),
  ];
}

/** How blocks move between the space of an image and its batch: reshape, transpose, reshape. */
function blocksOf(
  shape: Shape,
  blockShape: number[],
  toSpace: boolean,
): { split: number[]; order: number[]; merged: number[] } {
  const blockSize = sizeOf(blockShape);
  const split = backend_util.getReshaped([...shape], blockShape, blockSize, toSpace);
  return {
    split,
    order: backend_util.getPermuted(split.length, blockShape.length, toSpace),
    merged: backend_util.getReshapedPermuted([...shape], blockShape, blockSize, toSpace),
  };
}
