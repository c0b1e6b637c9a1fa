import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Truth values, known values and types. */
export const valuesCases: readonly PrimitiveCase[] = [
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
  {
    name: "oneHot",
    shapes: [[3, 4]],
    f: (x) => tf.square(tf.sum(tf.mul(tf.oneHot(tf.tensor1d([2, 0, 3], "int32"), 4, 2, -1), x), 1)),
  },
  {
    name: "zerosLike, onesLike and fill",
    shapes: [[2, 3]],
    f: (x) =>
      tf.add(
        tf.mul(tf.add(tf.onesLike(x), tf.zerosLike(x)), x),
        tf.mul(tf.fill([3], 2, "float32"), tf.square(x)),
      ),
  },
  {
    name: "logicalXor",
    shapes: [[6], [6]],
    f: (x, y) => tf.where(tf.logicalXor(tf.less(x, 0), tf.greater(y, 0)), tf.square(x), tf.mul(x, y)),
  },
  {
    name: "isNaN",
    shapes: [[6]],
    f: (x) =>
      tf.where(
        tf.isNaN(tf.tensor1d([1, Number.NaN, 0, -1, Number.POSITIVE_INFINITY, Number.NaN])),
        tf.square(x),
        x,
      ),
  },
  {
    name: "isInf",
    shapes: [[4]],
    f: (x) =>
      tf.where(
        tf.isInf(tf.tensor1d([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])),
        tf.square(x),
        x,
      ),
  },
  {
    name: "isFinite",
    shapes: [[4]],
    f: (x) =>
      tf.where(
        tf.isFinite(tf.tensor1d([1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])),
        tf.square(x),
        x,
      ),
  },
  { name: "range", shapes: [[3]], f: (x) => tf.mul(tf.range(1, 7, 2), tf.square(x)) },
  {
    name: "range, downwards",
    shapes: [[3]],
    f: (x) => tf.mul(tf.cast(tf.range(3, 0, 1, "int32"), "float32"), tf.square(x)),
  },
  { name: "linspace", shapes: [[5]], f: (x) => tf.mul(tf.linspace(-1, 3, 5), tf.square(x)) },
  { name: "eye", shapes: [[3, 3]], f: (x) => tf.mul(tf.eye(3), tf.square(x)) },
  { name: "diag", shapes: [[2, 2]], f: (x) => tf.square(tf.diag(x)) },
];
