import { describe, expect, test } from "vitest";
import { createAlgorithm } from "./create-algorithm.ts";
import type { Experiment } from "./experiment.ts";
import { presets } from "./presets.ts";
import type { TaskSource } from "./task-source.ts";

const sinusoid = presets.find(({ name }) => name === "sinusoid")!.experiment;
const source: Pick<TaskSource, "problem" | "spec"> = {
  problem: { type: "regression", outputs: 1 },
  spec: () => ({
    support: { x: { shape: [5, 1], dtype: "float32" }, y: { shape: [5, 1], dtype: "float32" } },
    query: { x: { shape: [4, 1], dtype: "float32" }, y: { shape: [4, 1], dtype: "float32" } },
  }),
};
const inner = { innerSteps: 1, innerRate: 0.1, lossReduction: "mean" } as const;
const paramsOf = (algorithm: Experiment["algorithm"], hidden: number[]) =>
  createAlgorithm({ ...sinusoid, algorithm, model: { type: "mlp", hidden } }, source, "train").params;

describe("createAlgorithm", () => {
  test("Meta-SGD adds a rate for every element, which starts at the inner rate", () => {
    const params = paramsOf({ type: "meta-sgd", ...inner }, [3]);
    expect(params.map(({ name, shape }) => [name, shape])).toEqual([
      ["dense1.weights", [1, 3]],
      ["dense1.bias", [3]],
      ["dense2.weights", [3, 1]],
      ["dense2.bias", [1]],
      ["rate.dense1.weights", [1, 3]],
      ["rate.dense1.bias", [3]],
      ["rate.dense2.weights", [3, 1]],
      ["rate.dense2.bias", [1]],
    ]);
    expect(params.at(-1)!.initial).toEqual({ type: "constant", value: 0.1 });
  });

  test("BOIL refuses a model without a body", () => {
    expect(() => paramsOf({ type: "boil", ...inner }, [])).toThrow(
      expect.objectContaining({
        code: "E_EXPERIMENT",
        message: "algorithm: boil adapts the body, and the model is its head alone; give it hidden layers",
      }),
    );
    expect(() => paramsOf({ type: "anil", ...inner }, [])).not.toThrow();
  });
});
