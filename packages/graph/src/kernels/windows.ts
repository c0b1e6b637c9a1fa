import { backend_util } from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph-builder.ts";
import type { Node, Window } from "../node.ts";
import { sizeOf } from "../node.ts";
import { activated } from "./activations.ts";
import { type KernelAttributes, type Lowerings, refused, taking } from "./lowering.ts";
import { sliceAlong } from "./take-along.ts";

/** Convolutions and pools of images `[n, h, w, c]`. */
export const windowKernels: Lowerings = taking(["float32"], {
  Conv2D: (b, { x, filter }, attributes) => convolved(b, x!, filter!, attributes),
  FusedConv2D: (b, inputs, attributes) =>
    activated(b, convolved(b, inputs.x!, inputs.filter!, attributes), inputs, attributes),
  // The adjoint of Conv2D in x, which is what conv2dTranspose computes
  Conv2DBackpropInput: (b, { dy, filter }, attributes) => {
    const { inputShape } = attributes;
    const info = convolutionOf("Conv2DBackpropInput", inputShape, filter!, attributes);
    return b.convInputGrad(dy!, filter!, windowOf(info), [inputShape[1], inputShape[2]]);
  },
  DepthwiseConv2dNative: (b, { x, filter }, attributes) => depthwise(b, x!, filter!, attributes),
  FusedDepthwiseConv2D: (b, inputs, attributes) =>
    activated(b, depthwise(b, inputs.x!, inputs.filter!, attributes), inputs, attributes),
  MaxPool: (b, { x }, attributes) => {
    const info = poolOf(x!, attributes);
    return b.poolSelect(x!, x!, windowOf(info), [info.outHeight, info.outWidth]);
  },
  AvgPool: (b, { x }, attributes) => averagePooled(b, x!, attributes),
});

/** A convolution of `[n, h, w, c]` with `[kh, kw, c, filters]`. */
function convolved(b: GraphBuilder, x: Node, filter: Node, attributes: KernelAttributes): Node {
  const info = convolutionOf("Conv2D", asImage(x), filter, attributes);
  return b.conv(x, filter, windowOf(info), [info.outHeight, info.outWidth]);
}

/**
 * A convolution of each channel with its own filters, `[kh, kw, c, multiplier]`: channels are examples
 * that each have their own filter. Output channel `c * multiplier + m` is filter m of channel c.
 */
function depthwise(b: GraphBuilder, x: Node, filter: Node, attributes: KernelAttributes): Node {
  const info = convolutionOf("DepthwiseConv2dNative", asImage(x), filter, attributes, true);
  const [images, height, width, channels] = asImage(x);
  const [filterHeight, filterWidth, , multiplier] = asImage(filter);
  const planes = b.reshape(b.transpose(x, [3, 0, 1, 2]), [channels, images, height, width, 1]);
  const filters = b.reshape(b.transpose(filter, [2, 0, 1, 3]), [
    channels,
    filterHeight,
    filterWidth,
    1,
    multiplier,
  ]);
  const sides: [number, number] = [info.outHeight, info.outWidth];
  const y = b.conv(planes, filters, windowOf(info), sides);
  return b.reshape(b.transpose(y, [1, 2, 3, 0, 4]), [images, ...sides, channels * multiplier]);
}

/** The means of the windows of `[n, h, w, c]`; positions outside of the image do not count. */
function averagePooled(b: GraphBuilder, x: Node, attributes: KernelAttributes): Node {
  const info = poolOf(x, attributes);
  const window = windowOf(info);
  const [images, height, width, channels] = asImage(x);
  const [outHeight, outWidth] = [info.outHeight, info.outWidth];
  const [kernelHeight, kernelWidth] = window.size;
  const isTiling = window.strides.every((stride, i) => stride === window.size[i]);
  const isInside = outHeight * kernelHeight <= height && outWidth * kernelWidth <= width;
  if (isTiling && isInside && window.padBefore.every((pad) => pad === 0)) {
    // Windows side by side are axes of a reshape.
    const rows = sliceAlong(b, x, 1, 0, outHeight * kernelHeight);
    const whole = sliceAlong(b, rows, 2, 0, outWidth * kernelWidth);
    const tiles = b.reshape(whole, [images, outHeight, kernelHeight, outWidth, kernelWidth, channels]);
    return b.binary("mul", b.reduceSum(tiles, [2, 4]), b.splat(1 / sizeOf(window.size)));
  }
  // A convolution with ones adds a window up; channels go to the images, for they do not mix.
  const planes = b.reshape(b.transpose(x, [0, 3, 1, 2]), [images * channels, height, width, 1]);
  const sums = b.conv(planes, b.splat(1, [...window.size, 1, 1]), window, [outHeight, outWidth]);
  const back = b.transpose(b.reshape(sums, [images, channels, outHeight, outWidth]), [0, 2, 3, 1]);
  return b.binary("mul", back, sharesOf(b, window, [height, width], [outHeight, outWidth]));
}

/** `[outHeight, outWidth, 1]`: one over the number of positions of each window that lie in the image. */
function sharesOf(
  b: GraphBuilder,
  window: Window,
  from: readonly [number, number],
  to: readonly [number, number],
): Node {
  const inside = (axis: 0 | 1, output: number): number => {
    const first = output * window.strides[axis] - window.padBefore[axis];
    const positions = Array.from({ length: window.size[axis] }, (_, k) => first + k * window.dilations[axis]);
    return positions.filter((position) => position >= 0 && position < from[axis]).length;
  };
  const shares = Float32Array.from(
    { length: sizeOf(to) },
    (_, i) => 1 / (inside(0, Math.floor(i / to[1])) * inside(1, i % to[1])),
  );
  return b.constant(shares, [...to, 1], "float32");
}

function convolutionOf(
  kernel: string,
  images: [number, number, number, number],
  filter: Node,
  { strides, pad, dilations, dimRoundingMode, dataFormat }: KernelAttributes,
  isDepthwise = false,
): backend_util.Conv2DInfo {
  if (dataFormat === "NCHW") throw refused(`${kernel} with dataFormat NCHW`, "use NHWC");
  return backend_util.computeConv2DInfo(
    images,
    asImage(filter),
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    isDepthwise,
  );
}

function poolOf(x: Node, attributes: KernelAttributes): backend_util.Conv2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attributes;
  const info = backend_util.computePool2DInfo(asImage(x), filterSize, strides, 1, pad, dimRoundingMode);
  const isOutside = (before: number, size: number, stride: number, count: number, side: number): boolean =>
    before >= size || (count - 1) * stride - before >= side;
  const { padInfo, filterHeight, filterWidth, strideHeight, strideWidth } = info;
  if (
    isOutside(padInfo.top, filterHeight, strideHeight, info.outHeight, info.inHeight) ||
    isOutside(padInfo.left, filterWidth, strideWidth, info.outWidth, info.inWidth)
  ) {
    throw refused("a pool with windows that lie in the padding alone", "pad by less than the window's size");
  }
  return info;
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
