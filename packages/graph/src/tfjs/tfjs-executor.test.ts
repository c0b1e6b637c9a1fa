import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { capture } from "../capture.ts";
import { compile } from "../compile.ts";
import { grad } from "../transforms.ts";

const float32 = (...shape: number[]) => ({ shape, dtype: "float32" as const });

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("the tfjs executor", () => {
  test("keeps its constants while it is open, nothing between runs and nothing after close", async () => {
    const weights = Float32Array.from({ length: 9 }, (_, i) => Math.sin(i));
    const loss = (x: tf.Tensor): tf.Tensor =>
      tf.sum(
        tf.maxPool(tf.conv2d(x as tf.Tensor4D, tf.tensor4d(weights, [3, 3, 1, 1]), 1, "same"), 3, 2, "same"),
      );
    const graph = capture((x: tf.Tensor) => grad(loss)(x), float32(1, 5, 5, 1));
    const before = tf.memory();
    const executable = await compile(graph, { device: "tfjs:cpu" });
    const open = tf.memory();
    expect(open.numTensors).toBeGreaterThan(before.numTensors);
    for (let run = 0; run < 3; run++) {
      await executable.run([Float32Array.from({ length: 25 }, (_, i) => Math.cos(i))]);
      expect(tf.memory().numTensors).toBe(open.numTensors);
      expect(tf.memory().numBytes).toBe(open.numBytes);
    }
    await expect(executable.run([new Float32Array(3)])).rejects.toThrow(/expected float32 \[1,5,5,1\]/);
    expect(tf.memory().numTensors).toBe(open.numTensors);
    await executable.close();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
  });

  test("frees each value after its last use", async () => {
    // Twenty sines of 1,000 floats, one after the other: only an input and an output of one op live at once.
    const chain = (x: tf.Tensor): tf.Tensor => {
      let y = x;
      for (let i = 0; i < 20; i++) y = tf.sin(y);
      return y;
    };
    const executable = await compile(capture(chain, float32(1000)), { device: "tfjs:cpu" });
    const before = tf.memory().numBytes;
    const profile = await tf.profile(async () => {
      await executable.run([new Float32Array(1000).fill(0.5)]);
      return [];
    });
    expect(profile.peakBytes - before).toBe(2 * 4 * 1000);
    await executable.close();
  });

  test("leaves the current backend as it was, and runs at the same time do not mix", async () => {
    await tf.setBackend("cpu");
    const graphs = [1, 2, 3].map((factor) => capture((x: tf.Tensor) => tf.mul(x, factor), float32(2)));
    const executables = await Promise.all(graphs.map((graph) => compile(graph, { device: "tfjs:cpu" })));
    const running = executables.map((executable) => executable.run([Float32Array.of(1, 10)]));
    const square = capture((x: tf.Tensor) => tf.square(x), float32(2));
    expect(square.results[0]!.op).toBe("mul");
    expect((await Promise.all(running)).map(([result]) => Array.from(result!))).toEqual([
      [1, 10],
      [2, 20],
      [3, 30],
    ]);
    expect(tf.getBackend()).toBe("cpu");
    await Promise.all(executables.map((executable) => executable.close()));
  });

  test("names a backend that nobody registered", async () => {
    const graph = capture((x: tf.Tensor) => tf.neg(x), float32(1));
    await expect(compile(graph, { device: "tfjs:abacus" })).rejects.toThrow(
      'tfjs:abacus: expected a registered TensorFlow.js backend, got "abacus"; import the package that registers it',
    );
  });
});
