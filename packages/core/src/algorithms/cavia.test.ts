import { capture, compile } from "@shoal/graph";
import type * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { mlp } from "../mlp.ts";
import type { Params } from "../model.ts";
import type { AlgorithmContext, TaskExamples } from "./algorithm.ts";
import { cavia } from "./cavia.ts";

const examples = (n: number) => ({
  x: { shape: [n, 1], dtype: "float32" as const },
  y: { shape: [n, 1], dtype: "float32" as const },
});
const context = (hidden: readonly number[]): AlgorithmContext => ({
  model: mlp({ inputs: 1, hidden, outputs: 1 }),
  problem: { type: "regression", outputs: 1 },
  episode: { support: examples(1), query: examples(1) },
  seed: 1,
});
const config = {
  type: "cavia",
  innerSteps: 1,
  innerRate: 0.1,
  lossReduction: "mean",
  size: 2,
  layer: null,
} as const;

describe("CAVIA", () => {
  test("moves the context alone, from zero, and the context is further inputs", async () => {
    const algorithm = cavia.create(config, context([]));
    expect(algorithm.params.map(({ name, shape, adapted }) => [name, shape, adapted])).toEqual([
      ["dense1.weights", [1, 1], false],
      ["dense1.bias", [1], false],
      ["context.weights", [2, 1], false],
    ]);
    const specs = Object.fromEntries(
      algorithm.params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]),
    );
    const fn = (params: Params, support: TaskExamples, x: tf.Tensor): tf.Tensor[] => {
      const learners = algorithm.adapt(params, support, 1);
      return [...learners.map(({ params }) => params.context!), ...learners.map(({ predict }) => predict(x))];
    };
    const graph = capture(fn, specs, examples(1), { shape: [1, 1], dtype: "float32" });
    const executable = await compile(graph, { device: "reference" });
    // y = 2 x + [1, 2] phi. Support (1, 0): y = 2, d (y - 0)^2 / d phi = 2 * 2 * [1, 2], phi = [-0.4, -0.8].
    const [before, after, y, adapted] = await executable.run(
      [[2], [0], [1, 2], [1], [0], [3]].map((values) => Float64Array.from(values)),
    );
    expect(Array.from(before!)).toEqual([0, 0]);
    expect(after![0]).toBeCloseTo(-0.4, 6);
    expect(after![1]).toBeCloseTo(-0.8, 6);
    // At x = 3: 6, and 6 - 0.4 - 1.6. Outputs are rounded to float32.
    expect(y![0]).toBe(6);
    expect(adapted![0]).toBeCloseTo(4, 6);
  });

  test("names a layer that the model does not have, and a model without layers", () => {
    expect(() => cavia.create({ ...config, layer: 3 }, context([4]))).toThrow(
      "algorithm.layer: expected one of the model's 2 layers, got 3",
    );
    const { params, apply } = mlp({ inputs: 1, hidden: [], outputs: 1 });
    expect(() => cavia.create(config, { ...context([]), model: { params, apply } })).toThrow(
      "algorithm: cavia conditions a layer, and the model names none",
    );
  });
});
