import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Sums, extrema and products over axes, and their running forms. */
export const reductionsCases: readonly PrimitiveCase[] = [
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
  {
    name: "sum of truth values",
    shapes: [[2, 3]],
    f: (x) => tf.mul(tf.cast(tf.sum(tf.greater(x, 0), 1), "float32"), tf.sum(x, 1)),
  },
  { name: "prod", shapes: [[2, 5]], f: (x) => tf.prod(x, 1) },
  { name: "prod over two axes", shapes: [[2, 3, 2]], f: (x) => tf.prod(x, [0, 2], true) },
  {
    name: "prod with a factor 0",
    shapes: [[3]],
    f: (x) => tf.prod(tf.concat([x, tf.sub(tf.slice(x, 0, 1), tf.slice(x, 0, 1))])),
  },
  {
    name: "any",
    shapes: [[3, 4]],
    f: (x) => tf.where(tf.any(tf.greater(x, 0.8), 1), tf.sum(x, 1), tf.prod(x, 1)),
  },
  {
    name: "all",
    shapes: [[3, 2]],
    f: (x) => tf.where(tf.all(tf.greater(x, -0.3), 1), tf.sum(x, 1), tf.prod(x, 1)),
  },
  { name: "cumsum", shapes: [[2, 5]], f: (x) => tf.square(tf.cumsum(x, 1)) },
  { name: "cumsum, exclusive", shapes: [[4, 2]], f: (x) => tf.square(tf.cumsum(x, 0, true)) },
  { name: "cumsum, reverse", shapes: [[2, 3, 2]], f: (x) => tf.square(tf.cumsum(x, 1, false, true)) },
  {
    name: "cumsum, exclusive and reverse",
    shapes: [[2, 4]],
    f: (x) => tf.square(tf.cumsum(x, 1, true, true)),
  },
  {
    name: "cumsum of one",
    shapes: [[2, 1]],
    f: (x) => tf.add(tf.cumsum(x, 1), tf.cumsum(tf.square(x), 1, true)),
  },
  { name: "cumprod", shapes: [[2, 5]], f: (x) => tf.cumprod(x, 1) },
  { name: "cumprod, exclusive and reverse", shapes: [[2, 4]], f: (x) => tf.cumprod(x, 1, true, true) },
  { name: "euclideanNorm", shapes: [[2, 3]], f: (x) => tf.euclideanNorm(x, 1) },
];
