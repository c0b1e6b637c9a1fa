import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-cases.ts";

/** Values on a grid, shuffled by a fixed multiplier, so that no two are close: kinks stay far away. */
export function valuesFor(test: PrimitiveCase): Float32Array[] {
  let count = 0;
  const total = test.shapes.reduce((sum, shape) => sum + size(shape), 0);
  let stride = 7;
  while (gcd(stride, total) !== 1) stride++;
  return test.shapes.map((shape) =>
    Float32Array.from({ length: size(shape) }, () => {
      const place = ((count++ * stride) % total) / total;
      return test.domain === "positive" ? 0.5 + place : 2 * place - 1 + 0.37 / total;
    }),
  );
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

/** Fixed weights that make a scalar of any output, different for every element. */
export function weighted(y: tf.Tensor, phase: number): tf.Tensor {
  const weights = Float32Array.from({ length: y.size }, (_, i) => Math.sin(1.3 * i + phase) + 0.2);
  return tf.sum(tf.mul(y, tf.tensor(weights, y.shape)));
}
