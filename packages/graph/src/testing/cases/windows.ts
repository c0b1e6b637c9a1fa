import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

const image = (side: number, channels: number): number[] => [2, side, side, channels];
const conv =
  (strides: number, pad: "same" | "valid", dilations = 1) =>
  (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad, "NHWC", dilations);
const depthwise =
  (strides: number, pad: "same" | "valid" | number, dilations = 1) =>
  (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
    tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad, "NHWC", dilations);
const pool =
  (size: number, strides: number, pad: "same" | "valid") =>
  (x: tf.Tensor): tf.Tensor =>
    tf.maxPool(x as tf.Tensor4D, size, strides, pad);
const averages =
  (size: number, strides: number, pad: "same" | "valid" | number) =>
  (x: tf.Tensor): tf.Tensor =>
    tf.avgPool(x as tf.Tensor4D, size, strides, pad);

/** Convolutions and pools. */
export const windowsCases: readonly PrimitiveCase[] = [
  { name: "conv2d 3x3 same", shapes: [image(4, 2), [3, 3, 2, 3]], f: conv(1, "same") },
  { name: "conv2d 3x3 valid", shapes: [image(5, 2), [3, 3, 2, 2]], f: conv(1, "valid") },
  { name: "conv2d 3x3 same, stride 2, even side", shapes: [image(6, 2), [3, 3, 2, 2]], f: conv(2, "same") },
  { name: "conv2d 3x3 same, stride 2, odd side", shapes: [image(5, 2), [3, 3, 2, 2]], f: conv(2, "same") },
  { name: "conv2d 2x3 same, dilation 2", shapes: [image(6, 1), [2, 3, 1, 2]], f: conv(1, "same", 2) },
  { name: "conv2d 1x1", shapes: [image(3, 2), [1, 1, 2, 3]], f: conv(1, "valid") },
  { name: "conv2d 1x1, stride 2", shapes: [image(4, 2), [1, 1, 2, 3]], f: conv(2, "valid") },
  { name: "conv2d 4x4, stride 3", shapes: [image(7, 1), [4, 4, 1, 2]], f: conv(3, "same") },
  {
    name: "maxPool 2x2",
    shapes: [image(4, 2)],
    f: (x) => tf.mul(pool(2, 2, "valid")(x), pool(2, 2, "valid")(tf.sin(x))),
  },
  { name: "maxPool 2x2, odd side", shapes: [image(5, 2)], f: (x) => tf.square(pool(2, 2, "valid")(x)) },
  { name: "maxPool 3x3 same, stride 2", shapes: [image(5, 2)], f: (x) => tf.square(pool(3, 2, "same")(x)) },
  { name: "maxPool 2x2, stride 1", shapes: [image(3, 2)], f: (x) => tf.square(pool(2, 1, "valid")(x)) },
  {
    name: "conv2d 3x3, padded on three sides",
    shapes: [image(4, 2), [3, 3, 2, 2]],
    f: (x, w) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, [
        [0, 0],
        [1, 0],
        [2, 1],
        [0, 0],
      ]),
  },
  {
    name: "conv1d",
    shapes: [
      [2, 6, 2],
      [3, 2, 3],
    ],
    f: (x, w) => tf.conv1d(x as tf.Tensor3D, w as tf.Tensor3D, 2, "same"),
  },
  {
    name: "conv2dTranspose, stride 2, same",
    shapes: [image(3, 2), [3, 3, 4, 2]],
    f: (x, w) => tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [2, 6, 6, 4], 2, "same"),
  },
  {
    name: "conv2dTranspose, valid",
    shapes: [image(3, 2), [2, 2, 1, 2]],
    f: (x, w) => tf.conv2dTranspose(x as tf.Tensor4D, w as tf.Tensor4D, [2, 4, 4, 1], 1, "valid"),
  },
  {
    name: "fused conv2d with relu6",
    shapes: [image(3, 2), [2, 2, 2, 3], [3]],
    f: (x, filter, bias) =>
      tf.square(
        tf.fused.conv2d({
          x: tf.mul(x as tf.Tensor4D, 10) as tf.Tensor4D,
          filter: filter as tf.Tensor4D,
          strides: 1,
          pad: "same",
          bias,
          activation: "relu6",
        }),
      ),
  },
  {
    name: "fused conv2d with prelu",
    shapes: [image(3, 2), [2, 2, 2, 3], [3], [1, 1, 3]],
    f: (x, filter, bias, preluActivationWeights) =>
      tf.fused.conv2d({
        x: x as tf.Tensor4D,
        filter: filter as tf.Tensor4D,
        strides: 1,
        pad: "valid",
        bias,
        activation: "prelu",
        preluActivationWeights,
      }),
  },
  { name: "depthwiseConv2d 3x3 same", shapes: [image(4, 3), [3, 3, 3, 1]], f: depthwise(1, "same") },
  {
    name: "depthwiseConv2d, multiplier 2, stride 2",
    shapes: [image(5, 2), [3, 3, 2, 2]],
    f: depthwise(2, "same"),
  },
  {
    name: "depthwiseConv2d, valid, dilation 2",
    shapes: [image(5, 2), [2, 2, 2, 1]],
    f: depthwise(1, "valid", 2),
  },
  { name: "depthwiseConv2d, padded by 2", shapes: [image(3, 2), [2, 3, 2, 1]], f: depthwise(1, 2) },
  {
    name: "fused depthwiseConv2d with sigmoid",
    shapes: [image(3, 2), [2, 2, 2, 2], [4]],
    f: (x, filter, bias) =>
      tf.fused.depthwiseConv2d({
        x: x as tf.Tensor4D,
        filter: filter as tf.Tensor4D,
        strides: 1,
        pad: "valid",
        bias,
        activation: "sigmoid",
      }),
  },
  {
    name: "separableConv2d",
    shapes: [image(4, 2), [3, 3, 2, 2], [1, 1, 4, 3]],
    f: (x, depth, point) =>
      tf.separableConv2d(x as tf.Tensor4D, depth as tf.Tensor4D, point as tf.Tensor4D, 1, "same"),
  },
  {
    name: "maxPool 3x3, padded by 1",
    shapes: [image(4, 2)],
    f: (x) => tf.square(tf.maxPool(x as tf.Tensor4D, 3, 2, 1)),
  },
  {
    name: "maxPool, padded on two sides",
    shapes: [image(4, 1)],
    f: (x) =>
      tf.square(
        tf.pool(
          x as tf.Tensor4D,
          [2, 3],
          "max",
          [
            [0, 0],
            [1, 0],
            [0, 2],
            [0, 0],
          ],
          1,
          [2, 1],
        ),
      ),
  },
  {
    name: "maxPool, dilation 2",
    shapes: [image(5, 1)],
    f: (x) => tf.square(tf.pool(x as tf.Tensor4D, 2, "max", "same", 2, 1)),
  },
  { name: "avgPool 2x2", shapes: [image(4, 2)], f: (x) => tf.square(averages(2, 2, "valid")(x)) },
  { name: "avgPool 2x2, odd side", shapes: [image(5, 2)], f: (x) => tf.square(averages(2, 2, "valid")(x)) },
  {
    name: "avgPool 2x2 same, odd side",
    shapes: [image(5, 2)],
    f: (x) => tf.square(averages(2, 2, "same")(x)),
  },
  {
    name: "avgPool 3x3 same, stride 1",
    shapes: [image(4, 2)],
    f: (x) => tf.square(averages(3, 1, "same")(x)),
  },
  {
    name: "avgPool 3x3 valid, stride 2",
    shapes: [image(5, 2)],
    f: (x) => tf.square(averages(3, 2, "valid")(x)),
  },
  { name: "avgPool 3x3, padded by 1", shapes: [image(4, 1)], f: (x) => tf.square(averages(3, 3, 1)(x)) },
  { name: "global average", shapes: [image(3, 2)], f: (x) => tf.square(tf.mean(x, [1, 2])) },
];
