import type { Experiment } from "./experiment.ts";

/** A preset is named by data and row; what differs from the paper is in its summary. */
interface NamedPreset {
  readonly name: string;
  readonly summary: string;
  readonly experiment: Experiment;
}

const adam = { type: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** 1,100 / 100 / 423 characters, binary pixels, rotated classes: the MAML authors' Omniglot. */
const omniglot = {
  source: "omniglot",
  rotations: true,
  pixels: "binary",
  trainClasses: 1100,
  validationClasses: 100,
  testClasses: 423,
  splitSeed: 1,
} as const;

const omniglotNetwork = {
  type: "conv4",
  filters: 64,
  downsampling: "stride",
  batchNorm: "outer-shift",
  head: "normal",
} as const;

/** 84x84 colour, byte / 255; 15 queries per class in training, as many as shots at test. */
const miniimagenet = {
  source: "miniimagenet",
  ways: 5,
  queries: 15,
  imageSide: 84,
  normalization: "unit",
} as const;

/**
 * The MAML authors' MiniImageNet: 32 filters, max-pool, no gamma, beta outside of the inner loop.
 *
 * Their outer loss is the sum over the 75 queries by the shots: 75 or 15 times the mean. Ours is `ways` = 5 times
 * the mean, so their clip of 10 is 10 / 15 here with one shot, and 10 / 3 with five.
 */
const miniimagenet5w1s = {
  name: "miniimagenet-5w1s",
  seed: 1,
  dataset: { ...miniimagenet, shots: 1, evaluationQueries: 1 },
  model: { type: "conv4", filters: 32, downsampling: "maxpool", batchNorm: "outer-shift", head: "glorot" },
  algorithm: { type: "maml", order: 2, innerSteps: 5, innerRate: 0.01, lossReduction: "sum-over-ways" },
  outer: { ...adam, rate: 1e-3 },
  clip: 10 / 15,
  metaBatch: 4,
  tasksPerLeaf: 1,
  steps: 60_000,
  evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 10 },
} as const satisfies Experiment;

const omniglotMaml = {
  seed: 1,
  model: omniglotNetwork,
  outer: { ...adam, rate: 1e-3 },
  clip: null,
  tasksPerLeaf: 1,
  steps: 60_000,
} as const;

/** Rows of papers beside the first ones of `presets.ts`. */
export const publishedPresets: readonly NamedPreset[] = [
  {
    name: "omniglot-5w5s",
    summary: "Omniglot 5-way 5-shot as in Finn et al. 2017: 99.9 % after 60,000 steps",
    experiment: {
      ...omniglotMaml,
      name: "omniglot-5w5s",
      dataset: { ...omniglot, ways: 5, shots: 5, queries: 5, evaluationQueries: 5 },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.4, lossReduction: "sum-over-ways" },
      metaBatch: 32,
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 3 },
    },
  },
  {
    name: "omniglot-20w5s",
    summary: "Omniglot 20-way 5-shot as in Finn et al. 2017: 98.9 % after 60,000 steps",
    experiment: {
      ...omniglotMaml,
      name: "omniglot-20w5s",
      dataset: { ...omniglot, ways: 20, shots: 5, queries: 5, evaluationQueries: 5 },
      algorithm: { type: "maml", order: 2, innerSteps: 5, innerRate: 0.1, lossReduction: "sum-over-ways" },
      metaBatch: 16,
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 5 },
    },
  },
  {
    name: "omniglot-20w1s-anil",
    summary: "Omniglot 20-way 1-shot by ANIL with MAML's numbers; Raghu et al. 2020 report 96.2 %",
    experiment: {
      ...omniglotMaml,
      name: "omniglot-20w1s-anil",
      dataset: { ...omniglot, ways: 20, shots: 1, queries: 1, evaluationQueries: 1 },
      algorithm: { type: "anil", innerSteps: 5, innerRate: 0.1, lossReduction: "sum-over-ways" },
      metaBatch: 16,
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 5 },
    },
  },
  {
    name: "omniglot-5w1s-reptile",
    summary:
      "Omniglot 5-way 1-shot by Reptile with the numbers of Nichol et al. 2018 (97.68 % transductive), " +
      "on the stride-2 network with a mean over space",
    experiment: {
      ...omniglotMaml,
      name: "omniglot-5w1s-reptile",
      dataset: { ...omniglot, ways: 5, shots: 1, trainShots: 10, queries: 1, evaluationQueries: 1 },
      model: { ...omniglotNetwork, batchNorm: "affine", head: "glorot" },
      algorithm: {
        type: "reptile",
        innerSteps: 5,
        innerRate: 1e-3,
        innerOptimizer: "adam",
        batchSize: 10,
        evaluationBatchSize: null,
      },
      outer: { type: "sgd", rate: 1, schedule: { type: "linear", final: 0 } },
      metaBatch: 5,
      steps: 100_000,
      evaluation: { every: 1000, validationTasks: 100, testTasks: 600, innerSteps: 50 },
    },
  },
  {
    name: "omniglot-5w1s-protonet",
    summary:
      "Omniglot 5-way 1-shot by prototypical networks, trained on 5-way tasks; Snell et al. 2017 train on " +
      "60-way tasks and report 98.8 %",
    experiment: {
      ...omniglotMaml,
      name: "omniglot-5w1s-protonet",
      dataset: { ...omniglot, ways: 5, shots: 1, queries: 5, evaluationQueries: 5 },
      model: { type: "conv4", filters: 64, downsampling: "maxpool", batchNorm: "affine", head: "glorot" },
      algorithm: { type: "protonet" },
      outer: { ...adam, rate: 1e-3, schedule: { type: "halve", every: 2000 } },
      metaBatch: 16,
      steps: 20_000,
      evaluation: { every: 500, validationTasks: 100, testTasks: 1000, innerSteps: 0 },
    },
  },
  {
    name: "miniimagenet-5w1s",
    summary: "MiniImageNet 5-way 1-shot as in Finn et al. 2017: 48.7 % after 60,000 steps",
    experiment: miniimagenet5w1s,
  },
  {
    name: "miniimagenet-5w5s",
    summary: "MiniImageNet 5-way 5-shot as in Finn et al. 2017: 63.1 % after 60,000 steps",
    experiment: {
      ...miniimagenet5w1s,
      name: "miniimagenet-5w5s",
      dataset: { ...miniimagenet, shots: 5, evaluationQueries: 5 },
      clip: 10 / 3,
      metaBatch: 2,
    },
  },
  {
    name: "miniimagenet-5w1s-fomaml",
    summary:
      "MiniImageNet 5-way 1-shot by first-order MAML as in Finn et al. 2017: 48.07 % after 60,000 steps",
    experiment: {
      ...miniimagenet5w1s,
      name: "miniimagenet-5w1s-fomaml",
      algorithm: { type: "fomaml", innerSteps: 5, innerRate: 0.01, lossReduction: "sum-over-ways" },
    },
  },
  {
    name: "miniimagenet-5w1s-maml++",
    summary:
      "MiniImageNet 5-way 1-shot as in Antoniou et al. 2019: 52.15 % (five models together) after 50,000 steps",
    experiment: {
      ...miniimagenet5w1s,
      name: "miniimagenet-5w1s-maml++",
      dataset: { ...miniimagenet, shots: 1, evaluationQueries: 15, normalization: "imagenet" },
      model: { type: "conv4", filters: 48, downsampling: "maxpool", batchNorm: "affine", head: "glorot" },
      algorithm: {
        type: "maml++",
        innerSteps: 5,
        innerRate: 0.1,
        lossReduction: "mean",
        multiStepLossSteps: 7500,
        firstOrderSteps: 0,
        learnedRates: true,
        perStepNormWeights: true,
        perStepStatistics: true,
      },
      outer: { ...adam, rate: 1e-3, schedule: { type: "cosine", final: 1e-5 } },
      clip: 10,
      metaBatch: 2,
      steps: 50_000,
      evaluation: { every: 500, validationTasks: 600, testTasks: 600, innerSteps: 5 },
    },
  },
];
