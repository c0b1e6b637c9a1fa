import * as tf from "@tensorflow/tfjs-core";
import type { Problem } from "./task-source.ts";

/** Over which examples a loss is averaged or summed. */
export type LossReduction = "mean" | "sum-over-ways";

/**
 * Cross-entropy of softmax(logits), in nats per example.
 *
 * @param logits float32 `[n, ways]`
 * @param labels int32 `[n]`, classes from 0 to ways - 1
 * @returns scalar mean
 */
export function crossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const ways = logits.shape[1]!;
  const targets = tf.cast(tf.oneHot(labels as tf.Tensor1D, ways), "float32");
  return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1)));
}

/**
 * Binary cross-entropy of sigmoid(logits), in nats per example.
 *
 *     -ln sigmoid(z) for class 1, -ln(1 - sigmoid(z)) for class 0
 *
 * It is the cross-entropy of the two classes' logits 0 and z, which neither overflows nor has a kink: the
 * form max(z, 0) - z y + ln(1 + e^-|z|) has one at z = 0, where derivatives by its parts are wrong.
 *
 * @param logits float32 `[n, 1]`
 * @param labels int32 `[n]`, 0 or 1
 * @returns scalar mean
 */
export function binaryCrossEntropy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return crossEntropy(tf.concat([tf.zerosLike(logits), logits], 1), labels);
}

/** Mean over all elements of `(predictions - targets)^2`; both float32 `[n, outputs]`. */
export function meanSquaredError(predictions: tf.Tensor, targets: tf.Tensor): tf.Tensor {
  return tf.mean(tf.squaredDifference(predictions, targets));
}

/** Share of the examples whose largest logit is that of their label. */
export function accuracy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  return tf.mean(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32"));
}

/**
 * Share of the examples whose logit is on the side of their label; class 0 wins the tie at 0.
 *
 * @param logits float32 `[n, 1]`
 * @param labels int32 `[n]`, 0 or 1
 */
export function binaryAccuracy(logits: tf.Tensor, labels: tf.Tensor): tf.Tensor {
  const predicted = tf.cast(tf.greater(tf.reshape(logits, [-1]), 0), "int32");
  return tf.mean(tf.cast(tf.equal(predicted, labels), "float32"));
}

/** The mean loss of a problem. */
export function lossOf(problem: Problem, outputs: tf.Tensor, y: tf.Tensor): tf.Tensor {
  switch (problem.type) {
    case "classification":
      return crossEntropy(outputs, y);
    case "binary":
      return binaryCrossEntropy(outputs, y);
    case "regression":
      return meanSquaredError(outputs, y);
  }
}

/** The share of right answers, for problems with classes. */
export function accuracyOf(problem: Problem, outputs: tf.Tensor, y: tf.Tensor): tf.Tensor {
  return problem.type === "binary" ? binaryAccuracy(outputs, y) : accuracy(outputs, y);
}

/**
 * What the mean loss is multiplied by before its gradient is taken.
 *
 * The MAML authors divide each example's loss by the shots and let the gradient sum over the examples:
 * with the same shots in every class that is `ways` times the mean. Their inner rates belong to it.
 */
export function lossScale(problem: Problem, reduction: LossReduction): number {
  return reduction === "sum-over-ways" && problem.type === "classification" ? problem.ways : 1;
}
