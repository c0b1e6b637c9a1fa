import { describe, expect, test } from "vitest";
import { datasetDefaults } from "./datasets/dataset-config.ts";
import { parseExperiment } from "./experiment.ts";
import { presets } from "./presets.ts";

const named = (name: string) => presets.find((preset) => preset.name === name)!.experiment;
const glyphs = named("quickstart");
const omniglot = named("omniglot-20w1s");
const mixed = datasetDefaults("mixed");
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
      "a mixture with other ways that are not fewer",
      { ...glyphs, dataset: { ...mixed, ways: 5, fewerWays: [3, 5] } },
      "dataset.fewerWays: expected different numbers below 5 (the ways), got 3, 5",
    ],
    [
      "a mixture with the same shots twice",
      { ...glyphs, dataset: { ...mixed, shots: 5, fewerShots: [1, 1] } },
      "dataset.fewerShots: expected different numbers below 5 (the shots), got 1, 1",
    ],
    [
      "a mixture with too many shapes",
      { ...glyphs, dataset: { ...mixed, ways: 6, fewerWays: [2, 3, 4, 5], shots: 4, fewerShots: [1, 2, 3] } },
      "dataset.fewerWays: expected at most 16 pairs of ways and shots, each of which is a graph of its own, got 20; " +
        "name fewer ways or shots",
    ],
    [
      "a mixture of one data set with itself",
      {
        ...glyphs,
        dataset: { ...mixed, sources: [{ source: "glyphs" }, { source: "glyphs", name: "again" }] },
      },
      "dataset.sources.1.source: expected each data set once, since two splits of glyphs would share classes, got it " +
        "again; leave it out",
    ],
    [
      "a mixture of two sources with one name",
      {
        ...glyphs,
        dataset: { ...mixed, sources: [{ source: "glyphs" }, { source: "images", name: "glyphs" }] },
      },
      "dataset.sources.1: expected a name of its own, got glyphs again; give it another name",
    ],
    [
      "a mixture with a source that is no data set of images",
      { ...glyphs, dataset: { ...mixed, sources: [{ source: "gliphs" }] } },
      "dataset.sources.0.source: expected one of glyphs, omniglot, miniimagenet, tieredimagenet, cifar-fs, fc100, cub, " +
        'images, got "gliphs"; did you mean glyphs?',
    ],
    [
      "a mixture with shots in a source",
      { ...glyphs, dataset: { ...mixed, sources: [{ source: "glyphs", shots: 3 }] } },
      "dataset.sources.0: has no field shots; take it out",
    ],
    [
      "joint training on a mixture",
      { ...glyphs, dataset: mixed, algorithm: { type: "joint", innerRate: 0.1, trunk: "frozen" } },
      "algorithm.type: joint trains a head over the classes of one data set, and mixed has several; take another",
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

  test("fills in what the sources of a mixture leave out", () => {
    const sources = [{ source: "omniglot", weight: 2, pixels: "grey" }, { source: "miniimagenet" }];
    const { dataset } = parseExperiment({ ...glyphs, dataset: { ...mixed, sources } });
    const { rotations, trainClasses, validationClasses, testClasses, splitSeed } =
      omniglot.dataset as Extract<typeof omniglot.dataset, { source: "omniglot" }>;
    const split = { trainClasses, validationClasses, testClasses, splitSeed };
    expect(dataset).toMatchObject({
      sources: [
        { source: "omniglot", weight: 2, rotations, pixels: "grey", ...split },
        { source: "miniimagenet" },
      ],
    });
    expect(parseExperiment({ ...glyphs, dataset }).dataset).toEqual(dataset);
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
