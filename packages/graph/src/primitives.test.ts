import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";
import type { Executable } from "./executable.ts";
import type { Graph } from "./graph.ts";
import { topologicalOrder } from "./node.ts";
import { lower } from "./passes/lower.ts";
import { assertClose } from "./testing/assert-close.ts";
import { type PrimitiveCase, primitiveCases } from "./testing/primitive-cases.ts";
import { valuesFor, weighted } from "./testing/primitive-inputs.ts";
import { grad } from "./transforms.ts";
import { vmap } from "./vmap.ts";

/**
 * Every op that capture knows, through the same checks: its value against TensorFlow.js's own CPU
 * kernels, its gradient and the gradient of its gradient against central differences in float64, and
 * mapping over examples, the lowered graph and ONNX Runtime against the reference.
 */
const specs = (test: PrimitiveCase) => test.shapes.map((shape) => ({ shape, dtype: "float32" as const }));
const captureOf = (test: PrimitiveCase, fn: (x: tf.Tensor[]) => tf.Tensor | tf.Tensor[]): Graph =>
  capture(fn, specs(test) as never);

async function run(
  executable: Executable,
  inputs: readonly (Float32Array | Float64Array)[],
): Promise<number[][]> {
  return (await executable.run(inputs)).map((output) => Array.from(output));
}

/** Central differences of the scalar `f` in every element of every input, in float64. */
async function differences(
  f: (inputs: Float64Array[]) => Promise<number>,
  at: readonly Float32Array[],
): Promise<number[][]> {
  // The error of the difference is h^2 f''' / 6 + 1e-16 / h: about 1e-10 here.
  const h = 1e-5;
  const gradients: number[][] = [];
  for (let k = 0; k < at.length; k++) {
    const gradient: number[] = [];
    for (let i = 0; i < at[k]!.length; i++) {
      const shifted = (step: number): Float64Array[] =>
        at.map((input, j) => {
          const copy = Float64Array.from(input);
          if (j === k) copy[i]! += step;
          return copy;
        });
      gradient.push(((await f(shifted(h))) - (await f(shifted(-h)))) / (2 * h));
    }
    gradients.push(gradient);
  }
  return gradients;
}

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe.each(primitiveCases)("$name", (testCase) => {
  const values = valuesFor(testCase);
  const scalar = (x: tf.Tensor[]): tf.Tensor => weighted(testCase.f(...x), 0.4);
  const gradientOf = (x: tf.Tensor[]): tf.Tensor[] => grad(scalar)(x);
  const slope = (x: tf.Tensor[]): tf.Tensor => {
    const terms = gradientOf(x).map((gradient, k) => weighted(gradient, 1 + k));
    return tf.addN(terms.map((term) => tf.reshape(term, [])));
  };

  test("has the value of TensorFlow.js", async () => {
    const expected = tf.tidy(() =>
      Array.from(testCase.f(...values.map((v, k) => tf.tensor(v, [...testCase.shapes[k]!]))).dataSync()),
    );
    const actual = await run(
      await compile(
        captureOf(testCase, (x) => testCase.f(...x)),
        { device: "reference" },
      ),
      values,
    );
    // TensorFlow.js computes in float32.
    assertClose(actual, [expected], 2e-6);
  });

  test.runIf(testCase.differentiable !== false)("has the gradient of central differences", async () => {
    const value = await compile(captureOf(testCase, scalar), { device: "reference" });
    const gradient = await compile(captureOf(testCase, gradientOf), { device: "reference" });
    const expected = await differences(async (x) => (await value.run(x))[0]![0]!, values);
    assertClose(await run(gradient, values), expected, 1e-8);
  });

  test.runIf(testCase.differentiable !== false)(
    "has the second gradient of central differences",
    async () => {
      const value = await compile(captureOf(testCase, slope), { device: "reference" });
      const gradient = await compile(
        captureOf(testCase, (x) => grad(slope)(x)),
        { device: "reference" },
      );
      const expected = await differences(async (x) => (await value.run(x))[0]![0]!, values);
      assertClose(await run(gradient, values), expected, 1e-7);
    },
  );

  test("is the same mapped over examples as one by one, with its gradients", async () => {
    const examples = [values, values.map((input) => input.map((value, i) => value * (1 + 0.01 * (i % 3))))];
    const stacked = values.map((_, k) =>
      Float32Array.from(examples.flatMap((inputs) => Array.from(inputs[k]!))),
    );
    const fns = [(x: tf.Tensor[]) => [testCase.f(...x)]];
    if (testCase.differentiable !== false) fns.push((x) => grad(slope)(x));
    for (const fn of fns) {
      const single = await compile(captureOf(testCase, fn), { device: "reference" });
      const expected = await Promise.all(examples.map((inputs) => run(single, inputs)));
      // All arguments mapped; then all but the first, which the examples share.
      for (const shared of testCase.shapes.length > 1 ? [false, true] : [false]) {
        const batch = specs(testCase).map(({ shape, dtype }, k) => ({
          shape: shared && k === 0 ? shape : [2, ...shape],
          dtype,
        }));
        const graph = capture((x: tf.Tensor[]) => {
          const axes = x.map((_, k) => (shared && k === 0 ? null : 0)) as never;
          return vmap((...each: tf.Tensor[]) => fn(each), axes)(...x);
        }, batch as never);
        const inputs = shared ? [values[0]!, ...stacked.slice(1)] : stacked;
        const mixed = shared
          ? await Promise.all(examples.map((one) => run(single, [values[0]!, ...one.slice(1)])))
          : expected;
        const joined = mixed[0]!.map((_, k) => mixed.flatMap((outputs) => outputs[k]!));
        assertClose(await run(await compile(graph, { device: "reference" }), inputs), joined, 1e-11);
        assertClose(await run(await compile(lower(graph), { device: "reference" }), inputs), joined, 1e-11);
        const onnx = await compile(graph, { device: "cpu" });
        assertClose(await run(onnx, inputs), joined, 2e-5);
        await onnx.close();
      }
    }
  });

  test("is the same when lowered, and in ONNX Runtime within float32", async () => {
    const graphs = [captureOf(testCase, (x) => testCase.f(...x))];
    if (testCase.differentiable !== false) graphs.push(captureOf(testCase, (x) => grad(slope)(x)));
    for (const graph of graphs) {
      const expected = await run(await compile(graph, { device: "reference" }), values);
      const lowered = lower(graph);
      expect(topologicalOrder(lowered.results).some((node) => /^(conv|pool)/.test(node.op))).toBe(false);
      assertClose(await run(await compile(lowered, { device: "reference" }), values), expected, 1e-12);
      const onnx = await compile(graph, { device: "cpu" });
      assertClose(await run(onnx, values), expected, 2e-5);
      await onnx.close();
    }
  });
});
