import * as tf from "@tensorflow/tfjs-core";

/** An op as people call it, with inputs to try it on. */
export interface PrimitiveCase {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...x: tf.Tensor[]) => tf.Tensor;
  /** Where the inputs lie; `positive` for log and the like. Default: distinct values around 0. */
  readonly domain?: "distinct" | "positive" | "unit";
  /** Without this, the gradient is checked in every argument. */
  readonly differentiable?: false;
}

const image = (side: number, channels: number): number[] => [2, side, side, channels];
const conv =
  (strides: number, pad: "same" | "valid", dilations = 1) =>
  (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, pad, "NHWC", dilations);
const pool =
  (size: number, strides: number, pad: "same" | "valid") =>
  (x: tf.Tensor): tf.Tensor =>
    tf.maxPool(x as tf.Tensor4D, size, strides, pad);

/** Every op that capture knows. */
export const primitiveCases: readonly PrimitiveCase[] = [
  { name: "neg", shapes: [[2, 3]], f: (x) => tf.neg(x) },
  { name: "exp", shapes: [[2, 3]], f: (x) => tf.exp(x) },
  { name: "log", shapes: [[2, 3]], f: (x) => tf.log(x), domain: "positive" },
  { name: "sqrt", shapes: [[2, 3]], f: (x) => tf.sqrt(x), domain: "positive" },
  { name: "rsqrt", shapes: [[2, 3]], f: (x) => tf.rsqrt(x), domain: "positive" },
  { name: "reciprocal", shapes: [[2, 3]], f: (x) => tf.reciprocal(x), domain: "positive" },
  { name: "square", shapes: [[2, 3]], f: (x) => tf.square(x) },
  { name: "sin", shapes: [[2, 3]], f: (x) => tf.sin(x) },
  { name: "cos", shapes: [[2, 3]], f: (x) => tf.cos(x) },
  { name: "tanh", shapes: [[2, 3]], f: (x) => tf.tanh(x) },
  { name: "sigmoid", shapes: [[2, 3]], f: (x) => tf.sigmoid(x) },
  { name: "softplus", shapes: [[2, 3]], f: (x) => tf.softplus(x) },
  { name: "relu", shapes: [[2, 3]], f: (x) => tf.mul(tf.relu(x), x) },
  { name: "leakyRelu", shapes: [[2, 3]], f: (x) => tf.mul(tf.leakyRelu(x, 0.1), x) },
  { name: "abs", shapes: [[2, 3]], f: (x) => tf.mul(tf.abs(x), x) },
  { name: "sign", shapes: [[2, 3]], f: (x) => tf.mul(tf.sign(x), tf.square(x)) },
  { name: "floor", shapes: [[2, 3]], f: (x) => tf.mul(tf.floor(x), tf.square(x)) },
  { name: "clipByValue", shapes: [[2, 3]], f: (x) => tf.mul(tf.clipByValue(x, -0.4, 0.4), x) },
  { name: "add, broadcast", shapes: [[2, 3], [3]], f: (x, y) => tf.square(tf.add(x, y)) },
  {
    name: "sub, broadcast both ways",
    shapes: [
      [2, 1],
      [1, 3],
    ],
    f: (x, y) => tf.square(tf.sub(x, y)),
  },
  {
    name: "mul, broadcast",
    shapes: [
      [2, 3],
      [2, 1],
    ],
    f: (x, y) => tf.mul(x, y),
  },
  { name: "div", shapes: [[2, 3], [3]], f: (x, y) => tf.div(x, y), domain: "positive" },
  { name: "pow", shapes: [[2, 3], [3]], f: (x, y) => tf.pow(x, y), domain: "positive" },
  {
    name: "maximum",
    shapes: [
      [2, 3],
      [2, 3],
    ],
    f: (x, y) => tf.mul(tf.maximum(x, y), x),
  },
  { name: "minimum", shapes: [[2, 3], [3]], f: (x, y) => tf.mul(tf.minimum(x, y), x) },
  { name: "squaredDifference", shapes: [[2, 3], [3]], f: (x, y) => tf.squaredDifference(x, y) },
  { name: "addN", shapes: [[3], [3]], f: (x, y) => tf.square(tf.addN([x, y, x])) },
  {
    name: "greater, less and where",
    shapes: [
      [2, 3],
      [2, 3],
    ],
    f: (x, y) => tf.where(tf.logicalAnd(tf.greater(x, y), tf.lessEqual(y, 0.3)), tf.square(x), tf.mul(x, y)),
  },
  {
    name: "equal, notEqual, logicalNot, logicalOr",
    shapes: [[4], [4]],
    f: (x, y) => {
      const mask = tf.logicalOr(tf.equal(x, y), tf.logicalNot(tf.notEqual(x, tf.neg(y))));
      return tf.where(mask, tf.square(x), tf.add(x, y));
    },
  },
  {
    name: "cast of a comparison",
    shapes: [[4]],
    f: (x) => tf.mul(tf.cast(tf.greaterEqual(x, 0), "float32"), tf.square(x)),
  },
  { name: "reshape", shapes: [[2, 6]], f: (x) => tf.square(tf.reshape(x, [3, -1])) },
  {
    name: "expandDims and squeeze",
    shapes: [[2, 3]],
    f: (x) => tf.squeeze(tf.square(tf.expandDims(x, 1)), [1]),
  },
  {
    name: "transpose",
    shapes: [[2, 3, 4]],
    f: (x) => tf.mul(tf.transpose(x, [2, 0, 1]), tf.transpose(tf.sin(x), [2, 0, 1])),
  },
  { name: "tile", shapes: [[2, 3]], f: (x) => tf.square(tf.tile(x, [2, 2])) },
  { name: "broadcastTo", shapes: [[3]], f: (x) => tf.square(tf.broadcastTo(x, [2, 3])) },
  {
    name: "concat",
    shapes: [
      [2, 3],
      [2, 2],
    ],
    f: (x, y) => tf.square(tf.concat([x, y], 1)),
  },
  {
    name: "stack and unstack",
    shapes: [[3], [3]],
    f: (x, y) =>
      tf.mul(
        tf.unstack(tf.stack([x, y], 1), 0)[1]!,
        tf.reshape(tf.slice(tf.stack([x, y]), [1, 0], [1, 2]), [2]),
      ),
  },
  {
    name: "split",
    shapes: [[2, 6]],
    f: (x) => {
      const [a, b, c] = tf.split(x, 3, 1);
      return tf.add(tf.mul(a!, b!), tf.square(c!));
    },
  },
  { name: "slice", shapes: [[3, 4]], f: (x) => tf.square(tf.slice(x, [1, 0], [2, 3])) },
  {
    name: "pad",
    shapes: [[2, 3]],
    f: (x) =>
      tf.square(
        tf.pad(x, [
          [1, 0],
          [0, 2],
        ]),
      ),
  },
  {
    name: "pad with a value",
    shapes: [[2, 3]],
    f: (x) =>
      tf.square(
        tf.pad(
          x,
          [
            [1, 0],
            [0, 2],
          ],
          2,
        ),
      ),
  },
  { name: "gather", shapes: [[2, 4]], f: (x) => tf.square(tf.gather(x, tf.tensor1d([3, 1, 1], "int32"), 1)) },
  {
    name: "gather, matrix of indices",
    shapes: [[4, 2]],
    f: (x) =>
      tf.square(
        tf.gather(
          x,
          tf.tensor2d(
            [
              [3, 1],
              [1, 0],
            ],
            undefined,
            "int32",
          ),
        ),
      ),
  },
  {
    name: "gather at computed indices",
    shapes: [
      [4, 2],
      [3, 4],
    ],
    f: (x, y) => tf.mul(tf.gather(x, tf.argMax(y, 1)), tf.sum(y)),
  },
  {
    name: "gather at computed indices, second axis",
    shapes: [
      [2, 4, 3],
      [5, 4],
    ],
    f: (x, y) => tf.mul(tf.square(tf.gather(x, tf.argMax(y, 1), 1)), tf.sum(y)),
  },
  {
    name: "oneHot",
    shapes: [[3, 4]],
    f: (x) => tf.square(tf.sum(tf.mul(tf.oneHot(tf.tensor1d([2, 0, 3], "int32"), 4, 2, -1), x), 1)),
  },
  { name: "sum", shapes: [[2, 3, 4]], f: (x) => tf.square(tf.sum(x, [0, 2])) },
  { name: "sum, keepDims", shapes: [[2, 3]], f: (x) => tf.mul(tf.sum(x, 1, true), x) },
  { name: "mean", shapes: [[2, 3, 4]], f: (x) => tf.square(tf.mean(x, [1])) },
  { name: "max", shapes: [[2, 3, 4]], f: (x) => tf.square(tf.max(x, 1)) },
  { name: "min", shapes: [[2, 3]], f: (x) => tf.square(tf.min(x, 0)) },
  { name: "argMax", shapes: [[3, 4]], f: (x) => tf.argMax(x, 1), differentiable: false },
  { name: "argMin", shapes: [[3, 4]], f: (x) => tf.argMin(x, 0), differentiable: false },
  {
    name: "moments",
    shapes: [[3, 4]],
    f: (x) => {
      const { mean, variance } = tf.moments(x, 0);
      return tf.mul(mean, variance);
    },
  },
  { name: "softmax", shapes: [[2, 4]], f: (x) => tf.softmax(x) },
  { name: "logSoftmax", shapes: [[2, 4]], f: (x) => tf.logSoftmax(x) },
  {
    name: "matMul",
    shapes: [
      [2, 3],
      [3, 4],
    ],
    f: (x, y) => tf.matMul(x, y),
  },
  {
    name: "matMul, both transposed",
    shapes: [
      [3, 2],
      [4, 3],
    ],
    f: (x, y) => tf.matMul(x, y, true, true),
  },
  {
    name: "matMul, batched",
    shapes: [
      [2, 2, 3],
      [2, 4, 3],
    ],
    f: (x, y) => tf.matMul(x, y, false, true),
  },
  {
    name: "matMul, batched, one side shared",
    shapes: [
      [2, 2, 3],
      [3, 2],
    ],
    f: (x, y) => tf.matMul(x, y),
  },
  {
    name: "batchNorm",
    shapes: [[2, 3], [3], [3], [3], [3]],
    domain: "positive",
    f: (x, m, v, o, s) =>
      tf.batchNorm(x, m as tf.Tensor1D, v as tf.Tensor1D, o as tf.Tensor1D, s as tf.Tensor1D, 0.1),
  },
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
    name: "zerosLike, onesLike and fill",
    shapes: [[2, 3]],
    f: (x) =>
      tf.add(
        tf.mul(tf.add(tf.onesLike(x), tf.zerosLike(x)), x),
        tf.mul(tf.fill([3], 2, "float32"), tf.square(x)),
      ),
  },
];
