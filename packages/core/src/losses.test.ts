import { capture, compile, grad, type NumericArray } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import {
  accuracy,
  binaryAccuracy,
  binaryCrossEntropy,
  crossEntropy,
  lossScale,
  meanSquaredError,
} from "./losses.ts";

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

describe("binaryCrossEntropy", () => {
  const n = 7;
  const graph = capture(
    (z: tf.Tensor, y: tf.Tensor) => {
      const loss = (x: tf.Tensor) => binaryCrossEntropy(x, y);
      const slope = grad(loss)(z);
      const curvature = grad((x: tf.Tensor) => tf.sum(grad(loss)(x)))(z);
      return [loss(z), slope, curvature, binaryAccuracy(z, y)];
    },
    float(n, 1),
    int(n),
  );
  const labels = Int32Array.of(1, 0, 1, 1, 0, 1, 0);

  test("is the mean of -ln sigmoid(z) for class 1 and -ln sigmoid(-z) for class 0, in float64", async () => {
    const logits = Float64Array.of(2, -3, 0, -0.5, 0, 30, 4);
    const executable = await compile(graph, { device: "reference" });
    const [loss, slope, curvature, share] = await executable.run([logits, Float64Array.from(labels)]);
    const losses = Array.from(logits, (z, i) => Math.log1p(Math.exp(labels[i] === 1 ? -z : z)));
    // The reference computes in float64 and gives float32: 1e-7 of the value.
    expect(loss![0]).toBeCloseTo(losses.reduce((sum, each) => sum + each, 0) / n, 6);
    logits.forEach((z, i) => {
      const sigmoid = 1 / (1 + Math.exp(-z));
      // d/dz = sigmoid - y and d2/dz2 = sigmoid (1 - sigmoid), also at z = 0; each over n.
      expect(slope![i]).toBeCloseTo((sigmoid - labels[i]!) / n, 7);
      expect(curvature![i]).toBeCloseTo((sigmoid * (1 - sigmoid)) / n, 7);
    });
    // Right: 2, -3, 30, and 0 for class 0; wrong: 0 and -0.5 for class 1, and 4.
    expect(share![0]).toBeCloseTo(4 / 7, 6);
  });

  test("has the gradient of central differences", async () => {
    const executable = await compile(graph, { device: "reference" });
    const logits = Float64Array.of(0.3, -1.2, 0, 2.2, -0.1, 1, 0.7);
    const h = 1e-3;
    const lossAt = async (i: number, shift: number) => {
      const shifted = logits.map((z, k) => (k === i ? z + shift : z));
      return (await executable.run([shifted, Float64Array.from(labels)]))[0]![0]!;
    };
    const slope = (await executable.run([logits, Float64Array.from(labels)]))[1]!;
    for (let i = 0; i < n; i++) {
      const difference = ((await lossAt(i, h)) - (await lossAt(i, -h))) / (2 * h);
      // h^2 / 6 of the third derivative, at most 0.1 / n, and float64's rounding over 2 h
      expect(Math.abs(slope![i]! - difference)).toBeLessThan(1e-6);
    }
  });

  test("is exact in float32 where exp would overflow or lose its digits", async () => {
    const executable = await compile(graph, { device: "cpu" });
    const logits = Float32Array.of(-1000, 1000, 1000, 0, 0, 80, -1000);
    const [loss, slope] = await executable.run([logits, labels]);
    // 1000 twice (sure and wrong), ln 2 twice, and 0 for those that are sure and right
    expect(loss![0]).toBeCloseTo((2000 + 2 * Math.log(2)) / n, 3);
    const expected = [-1, 1, 0, -0.5, 0.5, 0, 0];
    for (const [i, value] of expected.entries()) expect(slope![i]).toBeCloseTo(value / n, 6);
    await executable.close();
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
