import type { Evaluation } from "@shoal/coordinator";
import { type DatasetConfig, datasetDefaults, type Experiment, presets } from "@shoal/core";
import { interval } from "@shoal/core/outer";
import { describe, expect, test } from "vitest";
import { partTexts, pathText, protocolText, scoreText, summarize } from "./evaluation-text.ts";

type Mixed = Extract<DatasetConfig, { source: "mixed" }>;

const presetNamed = (name: string) => presets.find((preset) => preset.name === name)!.experiment;

/** Four tasks after each of two inner steps. */
const withSteps = (experiment: Experiment): Experiment => ({
  ...experiment,
  evaluation: { ...experiment.evaluation, innerSteps: 2 },
});
const images = withSteps(presetNamed("quickstart"));
const numbers = withSteps(presetNamed("sinusoid"));

const losses = {
  "loss@0": interval([4, 4, 4, 4]),
  "loss@1": interval([1, 1, 1, 1]),
  "loss@2": interval([0.01, 0.02, 0.03, 0.04]),
};
const evaluation = (stats: Evaluation["stats"]): Evaluation => ({
  purpose: "test-after",
  step: 500,
  split: "test",
  tasks: 4,
  stats,
});
const ofImages = evaluation({
  ...losses,
  "accuracy@0": interval([0.2, 0.2, 0.2, 0.2]),
  "accuracy@1": interval([0.8, 0.8, 0.9, 0.9]),
  "accuracy@2": interval([0.9, 0.9, 1, 1]),
});
const ofNumbers = evaluation(losses);

// s^2 of 0.9, 0.9, 1, 1 is 4 * 0.05^2 / 3; 1.96 s / sqrt(4) = 1.96 * 0.05 / sqrt(3) = 0.05658.
const accuracyCi95 = (1.96 * 0.05) / Math.sqrt(3);
// s^2 of 0.01 ... 0.04 is (2 * 0.015^2 + 2 * 0.005^2) / 3 = 5e-4 / 3; 1.96 s / 2 = 0.01265.
const lossCi95 = (1.96 * Math.sqrt(5e-4 / 3)) / 2;

describe("the score", () => {
  test("of images is the accuracy after the last inner step, with its interval in percent points", () => {
    expect(scoreText(images, ofImages)).toBe("accuracy 95.00 % +- 5.66");
  });

  test("of numbers is the loss after the last inner step, with its interval", () => {
    expect(scoreText(numbers, ofNumbers)).toBe("loss 0.02500 +- 0.013");
  });
});

test("a mixture's sources have a score and a line each, and its protocol says all ways and shots", () => {
  const mixed: Experiment = {
    ...images,
    dataset: { ...(datasetDefaults("mixed") as Mixed), ways: 10, fewerWays: [5], shots: 5, fewerShots: [1] },
  };
  const { stats } = ofImages;
  const ofParts = { ...ofImages, parts: { birds: { tasks: 1, stats }, glyphs: { tasks: 3, stats } } };
  expect(partTexts(mixed, ofParts)).toEqual([
    "birds: accuracy 95.00 % +- 5.66 (1 task)",
    "glyphs: accuracy 95.00 % +- 5.66 (3 tasks)",
  ]);
  expect(summarize(mixed, ofParts).parts?.birds).toEqual({
    accuracy: expect.closeTo(0.95),
    loss: expect.closeTo(0.025),
    ci95: expect.closeTo(accuracyCi95),
    tasks: 1,
  });
  expect(protocolText(mixed, "data", ofParts)).toMatch(
    /^4 test tasks, 5\/10-way 1\/5-shot, 1 query per class, /,
  );
  expect(partTexts(images, ofImages)).toEqual([]);
});

test("the path is the score after each inner step, from none", () => {
  expect(pathText(images, ofImages)).toBe("20.0 -> 85.0 -> 95.0 %");
  expect(pathText(numbers, ofNumbers)).toBe("4.00 -> 1.00 -> 0.0250");
});

test("the path of many inner steps is told in tenths", () => {
  const many = { ...images, evaluation: { ...images.evaluation, innerSteps: 12 } };
  const accuracies = Array.from({ length: 13 }, (_, step) => [`accuracy@${step}`, interval([step / 20])]);
  expect(pathText(many, evaluation(Object.fromEntries(accuracies)))).toBe(
    "0.0 -> 10.0 -> 20.0 -> 30.0 -> 40.0 -> 50.0 -> 60.0 %, every 2 steps",
  );
});

describe("batch norm with the support set's statistics", () => {
  const inductive = (batchNorm: "inductive" | "both"): Experiment => ({
    ...images,
    evaluation: { ...images.evaluation, batchNorm },
  });

  test("alone is the score, and the protocol says so", () => {
    expect(scoreText(inductive("inductive"), ofImages)).toBe("accuracy 95.00 % +- 5.66");
    expect(protocolText(inductive("inductive"), "glyphs", ofImages)).toContain(
      "2 inner steps, inductive batch norm (the support set's statistics); ",
    );
    expect(summarize(inductive("inductive"), ofImages)).toMatchObject({ accuracy: 0.95, bn: "inductive" });
  });

  test("stands beside the transductive score where both were taken", () => {
    const ofBoth = evaluation({
      ...ofImages.stats,
      "inductive-loss@2": interval([1, 1, 1, 1]),
      "inductive-accuracy@2": interval([0.5, 0.5, 0.5, 0.5]),
    });
    expect(scoreText(inductive("both"), ofBoth)).toBe(
      "accuracy 95.00 % +- 5.66 (inductive: accuracy 50.00 % +- 0.00)",
    );
    expect(protocolText(inductive("both"), "glyphs", ofBoth)).toContain(
      "transductive batch norm (and inductive beside); ",
    );
    expect(summarize(inductive("both"), ofBoth)).toMatchObject({
      accuracy: 0.95,
      bn: "transductive",
      inductive: { accuracy: 0.5, loss: 1, ci95: 0 },
    });
  });
});

describe("the protocol", () => {
  test("of images names tasks, episode, inner steps, batch norm and data", () => {
    expect(protocolText(images, "glyphs", ofImages)).toBe(
      "4 test tasks, 5-way 1-shot, 1 query per class, 2 inner steps, transductive batch norm; " +
        "mean and 95 % interval over tasks; glyphs",
    );
  });

  test("of numbers has no ways, no classes and no batch norm", () => {
    expect(protocolText(numbers, "sinusoid", ofNumbers)).toBe(
      "4 test tasks, 10-shot, 100 query points, 2 inner steps, no batch norm; " +
        "mean and 95 % interval over tasks; sinusoid",
    );
  });

  test("of one task with one step is in the singular, of many queries in the plural", () => {
    const experiment = {
      ...images,
      dataset: { ...images.dataset, evaluationQueries: 15 },
      evaluation: { ...images.evaluation, innerSteps: 1 },
    };
    expect(protocolText(experiment, "glyphs", { ...ofImages, tasks: 1, split: "validation" })).toMatch(
      /^1 validation task, 5-way 1-shot, 15 queries per class, 1 inner step, /,
    );
  });
});

describe("the summary for programs", () => {
  test("of images has accuracy, loss, the accuracy's interval and all of the protocol", () => {
    expect(summarize(images, ofImages)).toEqual({
      accuracy: 0.95,
      loss: 0.025,
      ci95: expect.closeTo(accuracyCi95, 12) as number,
      tasks: 4,
      innerSteps: 2,
      queries: 1,
      bn: "transductive",
      split: "test",
    });
  });

  test("of numbers has no accuracy, and the loss's interval", () => {
    expect(summarize(numbers, ofNumbers)).toEqual({
      loss: 0.025,
      ci95: expect.closeTo(lossCi95, 12) as number,
      tasks: 4,
      innerSteps: 2,
      queries: 100,
      bn: "none",
      split: "test",
    });
  });
});
