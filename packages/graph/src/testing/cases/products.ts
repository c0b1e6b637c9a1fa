import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Products of matrices and tensors. */
export const productsCases: readonly PrimitiveCase[] = [
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
  {
    name: "fused matMul with relu",
    shapes: [[2, 3], [3, 4], [4]],
    f: (a, b, bias) => tf.square(tf.fused.matMul({ a, b, bias, activation: "relu" })),
  },
  {
    name: "fused matMul with elu",
    shapes: [[2, 3], [3, 4], [4]],
    f: (a, b, bias) => tf.fused.matMul({ a, b, bias, activation: "elu" }),
  },
  {
    name: "fused matMul with leakyrelu",
    shapes: [[2, 3], [3, 4], [4]],
    f: (a, b, bias) => tf.fused.matMul({ a, b, bias, activation: "leakyrelu", leakyreluAlpha: 0.3 }),
  },
  {
    name: "fused matMul with prelu, transposed",
    shapes: [[3, 2], [4, 3], [4]],
    f: (a, b, slope) =>
      tf.fused.matMul({
        a,
        b,
        transposeA: true,
        transposeB: true,
        activation: "prelu",
        preluActivationWeights: slope,
      }),
  },
  { name: "dot", shapes: [[3], [3, 2]], f: (x, y) => tf.dot(x, y) },
  {
    name: "outerProduct",
    shapes: [[3], [2]],
    f: (x, y) => tf.outerProduct(x as tf.Tensor1D, y as tf.Tensor1D),
  },
  { name: "einsum, transpose", shapes: [[2, 3]], f: (x) => tf.square(tf.einsum("ij->ji", x)) },
  { name: "einsum, sum", shapes: [[2, 3, 4]], f: (x) => tf.square(tf.einsum("abc->ca", x)) },
  {
    name: "einsum, matrix product",
    shapes: [
      [2, 3],
      [3, 4],
    ],
    f: (x, y) => tf.einsum("ij,jk->ki", x, y),
  },
  {
    name: "einsum, attention",
    shapes: [
      [2, 3, 2, 2],
      [2, 4, 2, 2],
    ],
    f: (x, y) => tf.einsum("bqhd,bkhd->bhqk", x, y),
  },
  { name: "einsum, element-wise", shapes: [[2, 3], [3]], f: (x, y) => tf.einsum("ij,j->ij", x, y) },
  { name: "einsum, outer", shapes: [[2], [3]], f: (x, y) => tf.einsum("i,j->ji", x, y) },
  {
    name: "einsum, to a scalar",
    shapes: [
      [2, 3],
      [2, 3],
    ],
    f: (x, y) => tf.einsum("ij,ij->", x, y),
  },
  {
    name: "basicLSTMCell",
    shapes: [[4, 8], [8], [2, 2], [2, 2], [2, 2]],
    f: (kernel, bias, x, c, h) => {
      const parts = [
        kernel as tf.Tensor2D,
        bias as tf.Tensor1D,
        x as tf.Tensor2D,
        c as tf.Tensor2D,
        h as tf.Tensor2D,
      ] as const;
      const [state, output] = tf.basicLSTMCell(0.5, ...parts);
      return tf.mul(state, output);
    },
  },
];
