import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { capture } from "../capture.ts";
import { compile } from "../compile.ts";
import { grad } from "../transforms.ts";

const specs = [
  { shape: [3, 3, 2, 4], dtype: "float32" as const },
  { shape: [2, 6, 6, 2], dtype: "float32" as const },
] as const;
const loss = (w: tf.Tensor, x: tf.Tensor): tf.Tensor =>
  tf.sum(
    tf.square(tf.maxPool(tf.relu(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same")), 2, 2, "valid")),
  );
const graph = () => capture((w: tf.Tensor, x: tf.Tensor) => grad(loss)(w, x), ...specs);
const values = (n: number): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898) * 2);
const inputs = [values(72), values(144)];

describe("the cpu executor", () => {
  test("gives the same bits in every session and every run", async () => {
    const [first, second] = [
      await compile(graph(), { device: "cpu" }),
      await compile(graph(), { device: "cpu" }),
    ];
    const expected = Buffer.from((await first.run(inputs))[0]!.buffer as ArrayBuffer);
    for (const executable of [first, second, first]) {
      expect(Buffer.from((await executable.run(inputs))[0]!.buffer as ArrayBuffer).equals(expected)).toBe(
        true,
      );
    }
    await first.close();
    await second.close();
  });

  test("does not keep or change its inputs, and gives fresh results", async () => {
    const executable = await compile(graph(), { device: "cpu" });
    const copies = inputs.map((input) => input.slice());
    const [first] = await executable.run(inputs);
    const before = first!.slice();
    await executable.run(inputs.map((input) => input.map((value) => -value)));
    expect(first).toEqual(before);
    expect(inputs).toEqual(copies);
    await executable.close();
  });

  test("names an input of the wrong length or type", async () => {
    const executable = await compile(graph(), { device: "cpu" });
    await expect(executable.run([values(71), inputs[1]!])).rejects.toThrow(
      "input 0: expected float32 [3,3,2,4] (72 values), got Float32Array of 71",
    );
    await expect(executable.run([inputs[0]!, Float64Array.from(inputs[1]!)])).rejects.toThrow(
      /got Float64Array of 144/,
    );
    await expect(executable.run([inputs[0]!])).rejects.toThrow(/got nothing/);
    await executable.close();
  });

  test("runs a graph whose result is an input, a constant or twice the same", async () => {
    const executable = await compile(
      capture((x: tf.Tensor) => ({ x, two: tf.scalar(2), again: x }), { shape: [2], dtype: "float32" }),
      { device: "cpu" },
    );
    const results = await executable.run([Float32Array.of(3, 4)]);
    expect(results.map((result) => Array.from(result))).toEqual([[3, 4], [2], [3, 4]]);
    await executable.close();
  });
});
