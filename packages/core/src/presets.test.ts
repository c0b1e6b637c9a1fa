import { describe, expect, test } from "vitest";
import { experimentSchema } from "./experiment.ts";
import { presets } from "./presets.ts";

describe.each(presets)("the preset $name", ({ name, experiment }) => {
  test("is a valid experiment of its own name", () => {
    expect(experimentSchema.parse(experiment)).toEqual(experiment);
    expect(experiment.name).toBe(name);
  });
});

describe("experimentSchema", () => {
  const { experiment } = presets[0]!;

  test.each([
    [{ metaBatch: 6, tasksPerLeaf: 4 }, "metaBatch: expected a multiple of tasksPerLeaf (4), got 6"],
    [
      { tasksPerLeaf: 8, evaluation: { ...experiment.evaluation, testTasks: 601 } },
      "evaluation.testTasks: expected a multiple of tasksPerLeaf (8), got 601",
    ],
    [
      { dataset: presets[4]!.experiment.dataset },
      "model: conv4 needs images, and sinusoid has none; use mlp",
    ],
  ])("names what does not fit together: %j", (changes, message) => {
    const { error } = experimentSchema.safeParse({ ...experiment, ...changes });
    expect(error?.issues.map((issue) => issue.message)).toContain(message);
  });
});
