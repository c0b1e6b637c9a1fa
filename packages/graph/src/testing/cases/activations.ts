import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Activations and losses, TensorFlow.js's own and as people write them. */
export const activationsCases: readonly PrimitiveCase[] = [
  { name: "sigmoid", shapes: [[2, 3]], f: (x) => tf.sigmoid(x) },
  { name: "softplus", shapes: [[2, 3]], f: (x) => tf.softplus(x) },
  { name: "relu", shapes: [[2, 3]], f: (x) => tf.mul(tf.relu(x), x) },
  { name: "leakyRelu", shapes: [[2, 3]], f: (x) => tf.mul(tf.leakyRelu(x, 0.1), x) },
  { name: "softmax", shapes: [[2, 4]], f: (x) => tf.softmax(x) },
  { name: "logSoftmax", shapes: [[2, 4]], f: (x) => tf.logSoftmax(x) },
  { name: "tanh of softplus, mish", shapes: [[2, 3]], f: (x) => tf.mul(x, tf.tanh(tf.softplus(x))) },
  { name: "swish", shapes: [[2, 3]], f: (x) => tf.mul(x, tf.sigmoid(x)) },
  { name: "softsign", shapes: [[2, 3]], f: (x) => tf.mul(tf.div(x, tf.add(tf.abs(x), 1)), x) },
  {
    name: "gelu, scaled down as erf is",
    shapes: [[2, 3]],
    f: (x) => tf.mul(tf.mul(x, 2 ** -4), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1)),
  },
  { name: "logSigmoid", shapes: [[2, 3]], f: (x) => tf.logSigmoid(x) },
  { name: "elu", shapes: [[2, 3]], f: (x) => tf.mul(tf.elu(x), x) },
  // e^500 overflows: the branch that is not chosen must not reach the gradient.
  { name: "elu, far out", shapes: [[2, 3]], f: (x) => tf.mul(tf.elu(tf.mul(x, 500)), x) },
  { name: "selu", shapes: [[2, 3]], f: (x) => tf.mul(tf.selu(tf.mul(x, 200)), x) },
  { name: "relu6", shapes: [[2, 3]], f: (x) => tf.mul(tf.relu6(tf.mul(x, 10)), x) },
  { name: "prelu", shapes: [[4, 3], [3]], f: (x, slope) => tf.mul(tf.prelu(x, slope), x) },
  { name: "step", shapes: [[2, 3]], f: (x) => tf.mul(tf.step(x, 0.3), tf.square(x)) },
  {
    name: "hingeLoss of signs",
    shapes: [
      [2, 4],
      [2, 4],
    ],
    f: (x, y) => tf.losses.hingeLoss(tf.step(y), x),
  },
  {
    name: "huberLoss",
    shapes: [
      [2, 4],
      [2, 4],
    ],
    f: (x, y) => tf.losses.huberLoss(x, y, 1, 0.5),
  },
  {
    name: "softmaxCrossEntropy",
    shapes: [[2, 3]],
    f: (x) => tf.losses.softmaxCrossEntropy(tf.oneHot(tf.tensor1d([0, 2], "int32"), 3), x),
  },
  {
    name: "sigmoidCrossEntropy",
    shapes: [[2, 4]],
    f: (x) =>
      tf.losses.sigmoidCrossEntropy(
        tf.tensor2d([
          [0, 1, 1, 0],
          [1, 0, 1, 1],
        ]),
        x,
      ),
  },
  {
    name: "cosineDistance",
    shapes: [
      [2, 3],
      [2, 3],
    ],
    f: (x, y) => tf.losses.cosineDistance(x, y, 1),
  },
];
