import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Functions of numbers, element by element. */
export const arithmeticCases: readonly PrimitiveCase[] = [
  { name: "neg", shapes: [[2, 3]], f: (x) => tf.neg(x) },
  { name: "exp", shapes: [[2, 3]], f: (x) => tf.exp(x) },
  { name: "log", shapes: [[2, 3]], f: (x) => tf.log(x), domain: "positive" },
  { name: "sqrt", shapes: [[2, 3]], f: (x) => tf.sqrt(x), domain: "positive" },
  { name: "rsqrt", shapes: [[2, 3]], f: (x) => tf.rsqrt(x), domain: "positive" },
  { name: "reciprocal", shapes: [[2, 3]], f: (x) => tf.reciprocal(x), domain: "positive" },
  { name: "square", shapes: [[2, 3]], f: (x) => tf.square(x) },
  { name: "sin", shapes: [[2, 3]], f: (x) => tf.sin(x) },
  { name: "cos", shapes: [[2, 3]], f: (x) => tf.cos(x) },
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
  { name: "tanh", shapes: [[2, 3]], f: (x) => tf.tanh(x) },
  { name: "expm1", shapes: [[2, 3]], f: (x) => tf.expm1(x) },
  { name: "expm1 around 0", shapes: [[2, 3]], f: (x) => tf.mul(tf.expm1(tf.mul(x, 2 ** -10)), 2 ** 10) },
  { name: "log1p", shapes: [[2, 3]], f: (x) => tf.log1p(tf.mul(x, 0.5)) },
  { name: "log1p around 0", shapes: [[2, 3]], f: (x) => tf.mul(tf.log1p(tf.mul(x, 2 ** -10)), 2 ** 10) },
  // Scaled down, because the 2 / sqrt(pi) of the gradient is a float32 in the graph: 5e-8 off.
  { name: "erf", shapes: [[2, 3]], f: (x) => tf.mul(tf.erf(tf.mul(x, 2)), 2 ** -5) },
  { name: "tan", shapes: [[2, 3]], f: (x) => tf.tan(x) },
  { name: "asin", shapes: [[2, 3]], f: (x) => tf.asin(tf.mul(x, 0.9)) },
  { name: "acos", shapes: [[2, 3]], f: (x) => tf.acos(tf.mul(x, 0.9)) },
  { name: "atan", shapes: [[2, 3]], f: (x) => tf.atan(tf.mul(x, 3)) },
  { name: "atan2", shapes: [[4, 4], [4]], f: (x, y) => tf.atan2(x, y) },
  { name: "sinh", shapes: [[2, 3]], f: (x) => tf.sinh(tf.mul(x, 2)) },
  { name: "cosh", shapes: [[2, 3]], f: (x) => tf.cosh(tf.mul(x, 2)) },
  { name: "asinh", shapes: [[2, 3]], f: (x) => tf.asinh(tf.mul(x, 3)) },
  { name: "acosh", shapes: [[2, 3]], f: (x) => tf.acosh(tf.add(x, 1)), domain: "positive" },
  { name: "atanh", shapes: [[2, 3]], f: (x) => tf.atanh(tf.mul(x, 0.8)) },
  { name: "ceil", shapes: [[2, 3]], f: (x) => tf.mul(tf.ceil(tf.mul(x, 3)), tf.square(x)) },
  { name: "round", shapes: [[2, 3]], f: (x) => tf.mul(tf.round(tf.mul(x, 3)), tf.square(x)) },
  {
    name: "round, halves to even",
    shapes: [[6]],
    f: (x) => tf.mul(tf.round(tf.tensor1d([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])), x),
  },
  {
    name: "mod, both signs",
    shapes: [[2, 3], [3]],
    f: (x, y) => tf.mul(tf.mod(tf.mul(x, 7), tf.add(y, tf.tensor1d([2, -2, 2]))), x),
  },
  {
    name: "mod of whole numbers",
    shapes: [[4]],
    f: (x) =>
      tf.mul(
        tf.cast(
          tf.mod(tf.tensor1d([7, -7, 7, -7], "int32"), tf.tensor1d([3, 3, -3, -3], "int32")),
          "float32",
        ),
        x,
      ),
  },
  {
    name: "floorDiv",
    shapes: [[2, 3], [3]],
    f: (x, y) => tf.mul(tf.cast(tf.floorDiv(tf.mul(x, 7), tf.add(y, tf.tensor1d([2, -2, 2]))), "float32"), x),
  },
  {
    name: "div of whole numbers",
    shapes: [[2]],
    f: (x) =>
      tf.mul(tf.cast(tf.div(tf.tensor1d([7, -7], "int32"), tf.tensor1d([2, 2], "int32")), "float32"), x),
  },
  { name: "divNoNan", shapes: [[2, 3], [3]], f: (x, y) => tf.divNoNan(x, y), domain: "positive" },
  { name: "logSumExp", shapes: [[2, 3]], f: (x) => tf.logSumExp(x, 1) },
  { name: "norm", shapes: [[2, 3]], f: (x) => tf.norm(x, "euclidean", 1) },
];
