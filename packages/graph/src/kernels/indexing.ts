import { backend_util, slice_util } from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, sizeOf } from "../node.ts";
import { rowMajorStrides } from "../shape.ts";
import { ramp } from "./creation.ts";
import { integers, type Lowerings, oneAxis, taking, wrap } from "./lowering.ts";
import { sliceAlong, takeAlong } from "./take-along.ts";

/** Parts of tensors, by known or computed positions. */
export const indexingKernels: Lowerings = {
  Slice: (b, { x }, { begin, size }) => {
    const whole = { shape: [...x!.shape] } as never;
    const [first, shape] = slice_util.parseSliceParams(whole, begin, size) as [number[], number[]];
    return b.slice(x!, first, shape);
  },
  StridedSlice: (b, { x }, attributes) => {
    const { begin, end, strides, finalShape } = slice_util.sliceInfo(
      [...x!.shape],
      attributes.begin,
      attributes.end,
      attributes.strides,
      attributes.beginMask,
      attributes.endMask,
      attributes.ellipsisMask,
      attributes.newAxisMask,
      attributes.shrinkAxisMask,
    );
    const counts = slice_util.computeOutShape(begin, end, strides);
    const taken = counts.reduce<Node>(
      (y, count, axis) => takeAlong(b, y, axis, ramp(begin[axis]!, strides[axis]!, Math.max(0, count))),
      x!,
    );
    return b.reshape(taken, finalShape);
  },
  Unpack: (b, { value }, { axis }) => {
    const at = oneAxis(axis, value!.shape.length);
    const rest = value!.shape.filter((_, i) => i !== at);
    return Array.from({ length: value!.shape[at]! }, (_, i) =>
      b.reshape(sliceAlong(b, value!, at, i, 1), rest),
    );
  },
  SplitV: (b, { x }, { numOrSizeSplits, axis }) => {
    const at = oneAxis(axis, x!.shape.length);
    const sizes = backend_util.prepareSplitSize({ shape: [...x!.shape] } as never, numOrSizeSplits, at);
    let end = 0;
    return sizes.map((size) => {
      end += size;
      return sliceAlong(b, x!, at, end - size, size);
    });
  },

  GatherV2: (b, { x, indices }, { axis, batchDims }) => {
    const at = oneAxis(axis, x!.shape.length);
    const shared = wrap(batchDims ?? 0, indices!.shape.length);
    return shared === 0 ? b.gather(x!, indices!, at) : gatherBatched(b, x!, indices!, at, shared);
  },
  // The last axis of `indices` counts along the leading axes of `params`.
  GatherNd: (b, { params, indices }) => {
    const depth = indices!.shape.at(-1)!;
    const rest = params!.shape.slice(depth);
    const rows = b.reshape(params!, [sizeOf(params!.shape.slice(0, depth)), ...rest]);
    const positions = flatPositions(b, indices!, params!.shape);
    return b.reshape(b.gather(rows, positions, 0), [...indices!.shape.slice(0, -1), ...rest]);
  },
  ...taking(["float32", "int32"], {
    ScatterNd: (b, { indices, updates }, { shape }) => {
      const depth = indices!.shape.at(-1)!;
      const positions = flatPositions(b, indices!, shape);
      const rest = shape.slice(depth);
      const rows = b.reshape(b.cast(updates!, "float32"), [positions.shape[0]!, ...rest]);
      const sum = b.scatterAdd(rows, positions, 0, sizeOf(shape.slice(0, depth)));
      return b.cast(b.reshape(sum, shape), updates!.dtype);
    },
    // Row s of the result is the sum of the rows whose id is s: a product with one-hot ids, where an id outside
    // of the segments, as TensorFlow.js has it, adds to none.
    UnsortedSegmentSum: (b, { x, segmentIds }, { numSegments }) => {
      const count = sizeOf(segmentIds!.shape);
      const rest = x!.shape.slice(segmentIds!.shape.length);
      const segments = b.reshape(integers(b, ramp(0, 1, numSegments)), [numSegments, 1]);
      const isMember = b.compare("equal", segments, b.reshape(segmentIds!, [count]));
      const rows = b.reshape(b.cast(x!, "float32"), [count, sizeOf(rest)]);
      const sum = b.matMul(b.cast(isMember, "float32"), rows);
      return b.cast(b.reshape(sum, [numSegments, ...rest]), x!.dtype);
    },
  }),
};

/** int32 row numbers `[n]` of positions `[..., depth]` along the first `depth` axes of `shape`. */
function flatPositions(b: GraphBuilder, indices: Node, shape: readonly number[]): Node {
  const depth = indices.shape.at(-1)!;
  const count = sizeOf(indices.shape) / depth;
  const strides = integers(b, rowMajorStrides(shape.slice(0, depth)));
  return b.reduceSum(b.binary("mul", b.reshape(indices, [count, depth]), strides), [1]);
}

/** Each entry of the first `shared` axes has its own part of `x` and its own indices. */
function gatherBatched(b: GraphBuilder, x: Node, indices: Node, axis: number, shared: number): Node {
  const lead = x.shape.slice(0, shared);
  const [batch, side] = [sizeOf(lead), x.shape[axis]!];
  const others = x.shape.map((_, i) => i).filter((i) => i >= shared && i !== axis);
  const front = b.transpose(x, [...lead.map((_, i) => i), axis, ...others]);
  const rest = others.map((i) => x.shape[i]!);
  // The parts lie end to end, `side` rows each.
  const rows = b.reshape(front, [batch * side, ...rest]);
  const offsets = b.reshape(integers(b, ramp(0, side, batch)), [batch, 1]);
  const each = sizeOf(indices.shape) / batch;
  const positions = b.binary("add", b.reshape(indices, [batch, each]), offsets);
  const found = b.gather(rows, b.reshape(positions, indices.shape), 0);
  // [lead, indices, others] with the indices back where `axis` was
  const inserted = indices.shape.slice(shared).map((_, i) => shared + i);
  const between = axis - shared;
  const tail = rest.map((_, i) => indices.shape.length + i);
  return b.transpose(found, [
    ...lead.map((_, i) => i),
    ...tail.slice(0, between),
    ...inserted,
    ...tail.slice(between),
  ]);
}
