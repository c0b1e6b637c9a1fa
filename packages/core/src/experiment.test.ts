import { describe, expect, test } from "vitest";
import { parseExperiment } from "./experiment.ts";
import { presets } from "./presets.ts";

const named = (name: string) => presets.find((preset) => preset.name === name)!.experiment;
const glyphs = named("quickstart");
const omniglot = named("omniglot-20w1s");
const sinusoid = named("sinusoid");

describe("parseExperiment", () => {
  test.each([
    [
      "a meta-batch with a leaf that is not full",
      { ...glyphs, metaBatch: 6, tasksPerLeaf: 4 },
      "metaBatch: expected a multiple of tasksPerLeaf (4), got 6",
    ],
    [
      "an evaluation with a leaf that is not full",
      { ...glyphs, tasksPerLeaf: 8, evaluation: { ...glyphs.evaluation, testTasks: 601 } },
      "evaluation.testTasks: expected a multiple of tasksPerLeaf (8), got 601",
    ],
    [
      "images for a network without images",
      { ...glyphs, dataset: sinusoid.dataset },
      "model: conv4 needs images, and sinusoid has none; use mlp",
    ],
    [
      "a sum over ways without ways",
      { ...sinusoid, algorithm: { ...sinusoid.algorithm, lossReduction: "sum-over-ways" } },
      "algorithm.lossReduction: sum-over-ways needs classes, and sinusoid has none; use mean",
    ],
    [
      "a name that is nearly one",
      { ...glyphs, algorithm: { type: "protonett" } },
      "algorithm.type: expected one of maml, fomaml, reptile, anil, boil, meta-sgd, maml++, cavia, imaml, protonet, " +
        'matchingnet, joint, scratch, got "protonett"; did you mean protonet?',
    ],
    [
      "a value that is nearly one",
      { ...glyphs, model: { ...glyphs.model, head: "glorott" } },
      'model.head: expected one of glorot, normal, got "glorott"; did you mean glorot?',
    ],
    [
      "training on other ways than a head has",
      { ...glyphs, dataset: { ...glyphs.dataset, trainWays: 20 } },
      "dataset.trainWays: expected 5 (the ways), since maml has a head with an output for each class; got 20; leave " +
        "it out, or take protonet or matchingnet",
    ],
    [
      "more training ways than training classes",
      {
        ...omniglot,
        dataset: { ...omniglot.dataset, trainWays: 60, trainClasses: 59 },
        algorithm: { type: "protonet" },
        evaluation: { ...omniglot.evaluation, innerSteps: 0 },
      },
      "dataset.trainClasses: expected at least 60 (trainWays), got 59",
    ],
    [
      "more ways than a split has classes",
      { ...omniglot, dataset: { ...omniglot.dataset, validationClasses: 19 } },
      "dataset.validationClasses: expected at least 20 (ways), got 19",
    ],
    [
      "more tasks than there are episode indices",
      { ...glyphs, steps: 2 ** 27 + 1 },
      "steps: expected at most 2^32 tasks in all (steps * metaBatch), got 4294967328",
    ],
  ])("refuses %s", (_, experiment, message) => {
    expect(() => parseExperiment(experiment)).toThrow(
      expect.objectContaining({ code: "E_EXPERIMENT", message }),
    );
  });

  test("names every field that is wrong, what was expected and what came", () => {
    const wrong = { ...glyphs, seed: -1, metaBatch: 1.5, name: undefined, colour: "blue" };
    expect(() => parseExperiment(wrong)).toThrow(
      expect.objectContaining({
        message:
          "name: expected a value of type string, got nothing; seed: expected at least 0, got -1; " +
          "metaBatch: expected an integer, got 1.5; experiment: has no field colour; take it out",
      }),
    );
  });

  test.each([null, undefined, "quickstart", [], 3])("refuses %j, which is no object", (value) => {
    expect(() => parseExperiment(value)).toThrow(expect.objectContaining({ code: "E_EXPERIMENT" }));
  });
});
