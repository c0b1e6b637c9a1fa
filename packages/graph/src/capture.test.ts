import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";
import { topologicalOrder } from "./node.ts";
import { grad } from "./transforms.ts";

const vector = (n: number) => ({ shape: [n], dtype: "float32" as const });

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("capture", () => {
  test("names inputs and outputs by their path", () => {
    const graph = capture(
      (params: { w: tf.Tensor; b: tf.Tensor }, x: tf.Tensor) => ({
        y: tf.add(tf.mul(params.w, x), params.b),
        parts: [x],
      }),
      { w: vector(3), b: vector(1) },
      vector(3),
    );
    expect(graph.inputs.map(({ name }) => name)).toEqual(["0/w", "0/b", "1"]);
    expect(graph.outputs).toEqual([
      { name: "y", shape: [3], dtype: "float32" },
      { name: "parts/0", shape: [3], dtype: "float32" },
    ]);
  });

  test("refuses to read a value, and says what to do", () => {
    expect(() => capture((x: tf.Tensor) => tf.scalar(x.dataSync()[0]!), vector(2))).toThrow(
      /a value was read .* use tf\.where/s,
    );
  });

  test("refuses an op without a lowering and names it", () => {
    expect(() => capture((x: tf.Tensor) => tf.topk(x).values, vector(2))).toThrow(
      /TopK .* use|TopK .* do it/,
    );
  });

  test("refuses strings", () => {
    expect(() => capture(() => tf.tensor(["a"]))).toThrow(/expected float32, int32 or bool/);
  });

  test("leaves the backend as it was, also after an error", () => {
    expect(() => capture((x: tf.Tensor) => tf.topk(x).values, vector(2))).toThrow("TopK");
    expect(tf.getBackend()).toBe("cpu");
    expect(Array.from(tf.add(tf.tensor1d([1]), 1).dataSync())).toEqual([2]);
  });

  test("leaves no tensors behind", () => {
    const before = tf.memory().numTensors;
    capture((x: tf.Tensor) => grad((y: tf.Tensor) => tf.sum(tf.exp(y)))(x), vector(2));
    expect(tf.memory().numTensors).toBe(before);
  });

  test("takes a concrete tensor of another backend as a constant and reports a large one", async () => {
    const small = tf.tensor1d([1, 2]);
    const large = tf.range(0, 70_000);
    const graph = capture((x: tf.Tensor) => tf.add(tf.mul(x, small), tf.sum(large)), vector(2));
    expect(graph.largeConstants).toEqual([[70_000]]);
    const executable = await compile(graph, { device: "reference" });
    // 0 + 1 + ... + 69,999 = 70,000 * 69,999 / 2
    expect(Array.from((await executable.run([Float32Array.of(3, 5)]))[0]!)).toEqual([2449965003, 2449965010]);
  });

  test("stores equal values once, as a scalar", () => {
    const graph = capture(
      (x: tf.Tensor) => tf.add(tf.mul(x, tf.ones([500_000])), tf.zeros([500_000])),
      vector(500_000),
    );
    // x * 1 + 0 is x
    expect(graph.results[0]!.op).toBe("input");
    expect(graph.largeConstants).toEqual([]);
  });

  test("computes an expression that occurs twice once", () => {
    const graph = capture((x: tf.Tensor) => tf.mul(tf.exp(tf.neg(x)), tf.exp(tf.neg(x))), vector(4));
    expect(topologicalOrder(graph.results).map((node) => node.op)).toEqual(["input", "neg", "exp", "mul"]);
  });

  test("refuses to nest", () => {
    expect(() =>
      capture((x: tf.Tensor) => {
        capture((y: tf.Tensor) => y, vector(1));
        return x;
      }, vector(2)),
    ).toThrow(/in progress/);
  });
});
