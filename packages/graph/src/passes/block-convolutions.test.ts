import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { capture } from "../capture.ts";
import { compile } from "../compile.ts";
import type { Graph } from "../graph.ts";
import { topologicalOrder } from "../node.ts";
import { findBlockSize } from "../onnx/block-size.ts";
import { toOnnx } from "../onnx/to-onnx.ts";
import { grad } from "../transforms.ts";
import { vmap } from "../vmap.ts";
import { lower } from "./lower.ts";

const float32 = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const blockSize = await findBlockSize();

/** Convolutions that stay convolutions. */
const kept = (graph: Graph, size = 16): number =>
  topologicalOrder(lower(graph, size).results).filter(({ op }) => op === "conv").length;

/** Largest difference between the CPU and the float64 reference, over the largest value. */
async function errorOf(graph: Graph): Promise<number> {
  let n = 0;
  // The fractions of multiples of the golden ratio are spread evenly.
  const next = (): number => 2 * ((++n * 0.618_033_988_749_895) % 1) - 1;
  const inputs = graph.inputs.map(({ shape }) =>
    Float32Array.from({ length: shape.reduce((size, side) => size * side, 1) }, next),
  );
  const [cpu, reference] = await Promise.all(
    ["cpu", "reference"].map(async (device) => {
      const executable = await compile(graph, { device });
      const outputs = await executable.run(inputs);
      await executable.close();
      return outputs.flatMap((values) => Array.from(values as Float32Array));
    }),
  );
  const largest = Math.max(...reference!.map(Math.abs));
  return Math.max(...cpu!.map((value, i) => Math.abs(value - reference![i]!))) / largest;
}

type Conv = (x: tf.Tensor4D, w: tf.Tensor4D) => tf.Tensor;

/** The convolution, and the gradients of its squared sum in the images and the filter: F, BI and BF. */
const withGradients =
  (conv: Conv) =>
  (x: tf.Tensor, w: tf.Tensor): Record<string, tf.Tensor> => {
    const loss = (y: tf.Tensor, v: tf.Tensor): tf.Tensor =>
      tf.mean(tf.square(conv(y as tf.Tensor4D, v as tf.Tensor4D)));
    return {
      y: conv(x as tf.Tensor4D, w as tf.Tensor4D),
      dx: grad((y: tf.Tensor) => loss(y, w))(x),
      dw: grad((v: tf.Tensor) => loss(x, v))(w),
      // The second order has all three again, of other operands.
      dwx: grad((v: tf.Tensor) => tf.sum(tf.square(grad((y: tf.Tensor) => loss(y, v))(x))))(w),
    };
  };

describe.skipIf(blockSize === null)("the direct convolution", () => {
  test.each<[string, Conv, number[], number[]]>([
    ["3x3", (x, w) => tf.conv2d(x, w, 1, "same"), [4, 9, 7, 16], [3, 3, 16, 32]],
    ["without padding", (x, w) => tf.conv2d(x, w, 1, "valid"), [4, 12, 9, 32], [3, 3, 32, 16]],
    ["1x1", (x, w) => tf.conv2d(x, w, 1, "same"), [3, 9, 8, 48], [1, 1, 48, 16]],
    ["of an even and a wide window", (x, w) => tf.conv2d(x, w, 1, "same"), [4, 9, 8, 16], [2, 5, 16, 16]],
    ["with gaps", (x, w) => tf.conv2d(x, w, 1, "same", "NHWC", 2), [4, 9, 10, 16], [3, 3, 16, 16]],
    [
      "with uneven padding",
      (x, w) =>
        tf.conv2d(x, w, 1, [
          [0, 0],
          [2, 0],
          [0, 1],
          [0, 0],
        ]),
      [4, 9, 10, 16],
      [3, 3, 16, 16],
    ],
    [
      "on the result of another",
      (x, w) => tf.conv2d(tf.conv2d(x, w, 1, "same") as tf.Tensor4D, w, 1, "same"),
      [4, 9, 8, 16],
      [3, 3, 16, 16],
    ],
    [
      "before a pool of its taps",
      (x, w) => tf.maxPool(tf.conv2d(x, w, 1, "same") as tf.Tensor4D, 2, 2, "valid"),
      [9, 10, 10, 16],
      [3, 3, 16, 16],
    ],
    ["of the patches of a colour image", (x, w) => tf.conv2d(x, w, 1, "same"), [4, 9, 8, 3], [3, 3, 3, 27]],
    ["of a grey image with a stride", (x, w) => tf.conv2d(x, w, 2, "same"), [4, 9, 8, 1], [3, 3, 1, 4]],
  ])("%s gives the value and the gradients of the reference", async (_, conv, image, filter) => {
    const graph = capture(withGradients(conv), float32(...image), float32(...filter));
    expect(kept(graph, blockSize!)).toBeGreaterThan(0);
    expect(await errorOf(graph)).toBeLessThan(2e-5);
  });

  test("takes a filter per example", async () => {
    const loss = (x: tf.Tensor, w: tf.Tensor): tf.Tensor =>
      tf.mean(tf.square(tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, "same")));
    const graph = capture(
      (x: tf.Tensor, w: tf.Tensor) =>
        vmap((image: tf.Tensor, v: tf.Tensor) => grad((y: tf.Tensor) => loss(y, v))(image), [0, 0])(x, w),
      float32(3, 4, 8, 8, 16),
      float32(3, 3, 3, 16, 16),
    );
    // F and BI of each of the three examples.
    expect(kept(graph, blockSize!)).toBe(6);
    expect(await errorOf(graph)).toBeLessThan(1e-5);
  });
});

describe("what a direct convolution does not take, or gains nothing from, is a product of columns:", () => {
  const conv = (strides: number, image: number[], filter: number[]): Graph =>
    capture(
      (x: tf.Tensor, w: tf.Tensor) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, strides, "same"),
      float32(...image),
      float32(...filter),
    );
  test.each([
    ["channels that fill no block", conv(1, [4, 9, 9, 24], [3, 3, 24, 16])],
    ["filters that fill no block", conv(1, [4, 9, 9, 16], [3, 3, 16, 5])],
    ["few positions", conv(1, [4, 7, 7, 16], [3, 3, 16, 16])],
    ["a stride", conv(2, [9, 10, 10, 16], [3, 3, 16, 16])],
    ["a grey image into more than its patches", conv(1, [9, 10, 10, 1], [3, 3, 1, 16])],
  ])("%s", (_, graph) => {
    expect(kept(graph)).toBe(0);
  });

  test("all of it, on a target without one", () => {
    const graph = conv(1, [4, 9, 9, 16], [3, 3, 16, 16]);
    expect(kept(graph)).toBe(1);
    expect(toOnnx(lower(graph)).nodes.map(({ opType }) => opType)).not.toContain("Conv");
    expect(() => toOnnx(lower(graph, 16))).toThrow(/conv must be lowered before/);
  });
});
