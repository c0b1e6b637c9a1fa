import { capture, compile, grad, type NumericArray } from "@shoal/graph";
import type * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { accuracy, crossEntropy, lossScale, meanSquaredError } from "./losses.ts";

const float = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const int = (...shape: number[]) => ({ shape, dtype: "int32" as const });

/** Loss, gradient and accuracy of logits, as the compiled float32 graph computes them. */
async function measure(logits: number[][], labels: number[]): Promise<number[][]> {
  const [n, ways] = [logits.length, logits[0]!.length];
  const graph = capture(
    (x: tf.Tensor, y: tf.Tensor) => [
      crossEntropy(x, y),
      grad((z: tf.Tensor) => crossEntropy(z, y))(x),
      accuracy(x, y),
    ],
    float(n, ways),
    int(n),
  );
  const executable = await compile(graph, { device: "cpu" });
  const results = await executable.run([Float32Array.from(logits.flat()), Int32Array.from(labels)]);
  await executable.close();
  return results.map((result: NumericArray) => Array.from(result));
}

describe("crossEntropy", () => {
  test("is the mean of -log softmax at the labels", async () => {
    // softmax(0, ln 3) = (1/4, 3/4): -ln(3/4) for label 1, -ln(1/4) for label 0.
    // Gradient: (softmax - one-hot) / 2 = (1/8, -1/8) and (-3/8, 3/8).
    const [loss, gradient] = await measure(
      [
        [0, Math.log(3)],
        [0, Math.log(3)],
      ],
      [1, 0],
    );
    expect(loss![0]).toBeCloseTo((Math.log(4 / 3) + Math.log(4)) / 2, 6);
    [1 / 8, -1 / 8, -3 / 8, 3 / 8].forEach((expected, i) => {
      expect(gradient![i]).toBeCloseTo(expected, 6);
    });
  });

  test("is exact where exp would overflow", async () => {
    const [loss, gradient] = await measure([[1000, 0, -1000]], [1]);
    expect(loss).toEqual([1000]);
    expect(gradient).toEqual([1, -1, 0]);
  });

  test("is ln(ways) for equal logits, and the first class wins the tie", async () => {
    const [loss, , share] = await measure(
      [
        [2, 2, 2, 2, 2],
        [2, 2, 2, 2, 2],
      ],
      [0, 3],
    );
    expect(loss![0]).toBeCloseTo(Math.log(5), 6);
    expect(share).toEqual([0.5]);
  });
});

test("meanSquaredError averages over examples and outputs", async () => {
  const graph = capture((x: tf.Tensor, y: tf.Tensor) => meanSquaredError(x, y), float(2, 2), float(2, 2));
  const executable = await compile(graph, { device: "reference" });
  // ((1)^2 + 0 + 2^2 + 3^2) / 4
  const [loss] = await executable.run([Float64Array.of(1, 2, 3, 4), Float64Array.of(0, 2, 1, 7)]);
  expect(loss![0]).toBeCloseTo(3.5, 12);
});

test("a sum over ways is ways times the mean; a regression has no ways", () => {
  expect(lossScale({ type: "classification", ways: 20 }, "sum-over-ways")).toBe(20);
  expect(lossScale({ type: "classification", ways: 20 }, "mean")).toBe(1);
  expect(lossScale({ type: "regression", outputs: 1 }, "mean")).toBe(1);
});
