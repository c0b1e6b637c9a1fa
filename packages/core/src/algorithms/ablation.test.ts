import { describe, expect, test } from "vitest";
import { presets } from "../presets.ts";
import { ablation } from "./ablation.ts";
import { mamlPlusPlus } from "./maml-plus-plus.ts";

const quickstart = presets.find(({ name }) => name === "quickstart")!.experiment;
const experiment = {
  ...quickstart,
  algorithm: { type: "maml++" as const, ...mamlPlusPlus.defaults },
  steps: 300,
};

describe("the ablation of MAML++", () => {
  const rows = ablation(experiment);
  const of = (name: string) => rows.find((row) => row.name === name)!.experiment;

  test("has MAML and MAML++, and each with one part more or less", () => {
    // 2 (1 + 6 parts)
    expect(rows).toHaveLength(14);
    expect(new Set(rows.map(({ name }) => name)).size).toBe(14);
    expect(new Set(rows.map((row) => JSON.stringify({ ...row.experiment, name: "" }))).size).toBe(14);
    expect(of("maml").algorithm).toMatchObject({
      multiStepLossSteps: 0,
      firstOrderSteps: 0,
      learnedRates: false,
      perStepNormWeights: false,
      perStepStatistics: false,
    });
    expect(of("maml").outer.schedule).toBeUndefined();
    expect(of("maml++").algorithm).toMatchObject({
      multiStepLossSteps: 30,
      firstOrderSteps: 100,
      learnedRates: true,
      perStepNormWeights: true,
      perStepStatistics: true,
    });
    expect(of("maml++").outer.schedule).toEqual({ type: "cosine", final: 1e-5 });
  });

  test("turns one switch at a time", () => {
    expect(of("maml+learned-rates")).toEqual({
      ...of("maml"),
      name: "maml+learned-rates",
      algorithm: { ...of("maml").algorithm, learnedRates: true },
    });
    expect(of("maml++-without-multi-step-loss")).toEqual({
      ...of("maml++"),
      name: "maml++-without-multi-step-loss",
      algorithm: { ...of("maml++").algorithm, multiStepLossSteps: 0 },
    });
  });

  test("asks for MAML++, and for steps", () => {
    expect(() => ablation(quickstart)).toThrow("algorithm: expected maml++, got maml");
    expect(() => ablation({ ...experiment, steps: 0 })).toThrow("steps: expected at least 1, got 0");
  });
});
