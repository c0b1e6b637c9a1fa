import { backend_util } from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "./graph-builder.ts";
import { GraphError } from "./graph-error.ts";
import type { KernelAttributes } from "./kernels.ts";
import type { Node, Shape, Window } from "./node.ts";
import { padRank } from "./shape.ts";

/** A matrix product whose leading axes broadcast. */
export function product(
  b: GraphBuilder,
  left: Node,
  right: Node,
  transposeA: boolean,
  transposeB: boolean,
): Node {
  const rank = Math.max(left.shape.length, right.shape.length);
  const [x, y] = [padRank(left.shape, rank), padRank(right.shape, rank)];
  const lead = x.slice(0, -2).map((side, axis) => Math.max(side, y[axis]!));
  const batched = lead.some((side) => side !== 1);
  if (!batched) {
    const matrix = b.matMul(
      b.reshape(left, x.slice(-2)),
      b.reshape(right, y.slice(-2)),
      transposeA,
      transposeB,
    );
    return b.reshape(matrix, [...lead, ...matrix.shape]);
  }
  const spread = (node: Node, shape: Shape): Node =>
    b.broadcast(b.reshape(node, shape), [...lead, ...shape.slice(-2)]);
  return b.matMul(spread(left, x), spread(right, y), transposeA, transposeB);
}

/** A convolution of `[n, h, w, c]` with `[kh, kw, c, filters]`. */
export function convolved(b: GraphBuilder, x: Node, filter: Node, attributes: KernelAttributes): Node {
  const { strides, pad, dilations, dimRoundingMode, dataFormat } = attributes;
  if (dataFormat === "NCHW") {
    throw new GraphError("E_CAPTURE", "capture: Conv2D with dataFormat NCHW has no lowering; use NHWC");
  }
  const info = backend_util.computeConv2DInfo(
    asImage(x),
    filter.shape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
  );
  return b.conv(x, filter, windowOf(info), [info.outHeight, info.outWidth]);
}

/** The largest values of the windows of `[n, h, w, c]`. */
export function maxPooled(b: GraphBuilder, x: Node, attributes: KernelAttributes): Node {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const info = backend_util.computePool2DInfo(asImage(x), filterSize, strides, 1, pad, dimRoundingMode);
  return b.poolSelect(x, x, windowOf(info), [info.outHeight, info.outWidth]);
}

function asImage(x: Node): [number, number, number, number] {
  return x.shape as unknown as [number, number, number, number];
}

function windowOf(info: backend_util.Conv2DInfo): Window {
  return {
    size: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    dilations: [info.dilationHeight, info.dilationWidth],
    padBefore: [info.padInfo.top, info.padInfo.left],
  };
}
