import { algorithmPresets } from "./algorithm-presets.ts";
import type { Experiment } from "./experiment.ts";
import { publishedPresets } from "./published-presets.ts";

/** An experiment with a name that people ask for, and what to expect of it. */
export interface Preset {
  readonly name: string;
  /** One line: what it trains, after which paper. */
  readonly summary: string;
  readonly experiment: Experiment;
}

const adam = { type: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

/** 1,100 / 100 / 423 characters, as in the MAML authors' code. */
const omniglotSplit = { trainClasses: 1100, validationClasses: 100, testClasses: 423, splitSeed: 1 } as const;

/** One query per class in training and at test, binary pixels, rotated classes: the MAML paper's protocol. */
const omniglot = {
  source: "omniglot",
  shots: 1,
  queries: 1,
  evaluationQueries: 1,
  rotations: true,
  pixels: "binary",
  ...omniglotSplit,
} as const;

/**
 * The authors' Omniglot network: stride 2, mean over space, head from N(0, 1). Its batch norm has no gamma,
 * and a beta that the inner loop does not adapt but the outer optimizer learns (`tf_layers.batch_norm`'s
 * defaults, outside of their `weights`).
 */
const paperNetwork = {
  type: "conv4",
  filters: 64,
  downsampling: "stride",
  batchNorm: "outer-shift",
  head: "normal",
} as const;

const omniglot5w1s: Experiment = {
  name: "omniglot-5w1s",
  seed: 1,
  dataset: { ...omniglot, ways: 5 },
  model: paperNetwork,
  // The paper's rate 0.4 belongs to the loss summed over ways: 2.0 on the mean.
  algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.4, lossReduction: "sum-over-ways" },
  outer: { ...adam, rate: 1e-3 },
  clip: null,
  metaBatch: 32,
  tasksPerLeaf: 1,
  steps: 60_000,
  // 3 inner steps at test as in the paper; the authors' code takes 10.
  evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 3 },
};

/**
 * The authors' configuration of MAML++: 100 epochs of 500 steps, 10 of them with the multi-step loss, second
 * order throughout, 1150 / 50 / 423 characters. Their accuracy is that of five models of one run together, and
 * they rotate classes in training alone.
 */
const omniglot5w1sPlusPlus = {
  ...omniglot5w1s,
  name: "omniglot-5w1s-maml++",
  dataset: { ...omniglot, ways: 5, trainClasses: 1150, validationClasses: 50, testClasses: 423 },
  model: { type: "conv4", filters: 64, downsampling: "maxpool", batchNorm: "affine", head: "glorot" },
  algorithm: {
    type: "maml++",
    innerSteps: 5,
    innerRate: 0.1,
    lossReduction: "mean",
    multiStepLossSteps: 5000,
    firstOrderSteps: 0,
    learnedRates: true,
    perStepNormWeights: true,
    perStepStatistics: true,
  },
  outer: { ...adam, rate: 1e-3, schedule: { type: "cosine", final: 1e-5 } },
  metaBatch: 8,
  steps: 50_000,
  evaluation: { every: 500, validationTasks: 600, testTasks: 600, innerSteps: 5 },
} as const satisfies Experiment;

/** Every preset, the default first. */
export const presets: readonly Preset[] = [
  {
    name: "quickstart",
    summary: "procedural characters (embedded), 5-way 1-shot MAML: about a minute on two cores",
    experiment: {
      name: "quickstart",
      seed: 1,
      dataset: { source: "glyphs", ways: 5, shots: 1, queries: 1, evaluationQueries: 1, rotations: false },
      model: { type: "conv4", filters: 32, downsampling: "stride", batchNorm: "affine", head: "glorot" },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.4, lossReduction: "mean" },
      outer: { ...adam, rate: 3e-3 },
      clip: null,
      metaBatch: 32,
      tasksPerLeaf: 1,
      steps: 500,
      evaluation: { every: 100, validationTasks: 200, testTasks: 600, innerSteps: 3 },
    },
  },
  {
    name: "omniglot-5w1s",
    summary: "Omniglot 5-way 1-shot as in Finn et al. 2017: 98.7 % after 60,000 steps",
    experiment: omniglot5w1s,
  },
  {
    name: "omniglot-20w1s",
    summary: "Omniglot 20-way 1-shot as in Finn et al. 2017: 95.8 % after 60,000 steps",
    experiment: {
      ...omniglot5w1s,
      name: "omniglot-20w1s",
      dataset: { ...omniglot, ways: 20 },
      algorithm: { type: "maml", order: 2, innerSteps: 5, innerRate: 0.1, lossReduction: "sum-over-ways" },
      metaBatch: 16,
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 5 },
    },
  },
  {
    name: "omniglot-5w1s-maxpool",
    summary: "Omniglot 5-way 1-shot with the max-pool network, gamma and beta adapted, mean loss",
    experiment: {
      ...omniglot5w1s,
      name: "omniglot-5w1s-maxpool",
      model: { type: "conv4", filters: 64, downsampling: "maxpool", batchNorm: "affine", head: "glorot" },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.4, lossReduction: "mean" },
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 10 },
    },
  },
  {
    name: "omniglot-5w1s-maml++",
    summary:
      "Omniglot 5-way 1-shot as in Antoniou et al. 2019: 99.47 % (five models together) after 50,000 steps",
    experiment: omniglot5w1sPlusPlus,
  },
  {
    name: "omniglot-20w1s-maml++",
    summary:
      "Omniglot 20-way 1-shot as in Antoniou et al. 2019: 97.65 % (five models together) after 50,000 steps",
    experiment: {
      ...omniglot5w1sPlusPlus,
      name: "omniglot-20w1s-maml++",
      dataset: { ...omniglot5w1sPlusPlus.dataset, ways: 20 },
    },
  },
  {
    name: "omniglot-alphabets",
    summary: "Omniglot 5-way 1-shot within one alphabet, tested on the authors' 20 evaluation alphabets",
    experiment: {
      ...omniglot5w1s,
      name: "omniglot-alphabets",
      dataset: { ...omniglot, ways: 5, rotations: false, families: "alphabet", split: "background" },
      model: { type: "conv4", filters: 64, downsampling: "stride", batchNorm: "affine", head: "glorot" },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.4, lossReduction: "mean" },
      steps: 5000,
    },
  },
  {
    name: "sinusoid",
    summary: "10-shot sinusoid regression as in Finn et al. 2017, section 5.1",
    experiment: {
      name: "sinusoid",
      seed: 1,
      dataset: { source: "sinusoid", shots: 10, queries: 10, evaluationQueries: 100 },
      model: { type: "mlp", hidden: [40, 40] },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.01, lossReduction: "mean" },
      outer: { ...adam, rate: 1e-3 },
      clip: null,
      metaBatch: 25,
      tasksPerLeaf: 1,
      steps: 70_000,
      evaluation: { every: 5000, validationTasks: 100, testTasks: 600, innerSteps: 10 },
    },
  },
  {
    name: "linear",
    summary: "5-shot linear regression of 10 inputs, tasks near a shared one: a few seconds",
    experiment: {
      name: "linear",
      seed: 1,
      dataset: { source: "linear", shots: 5, queries: 10, evaluationQueries: 50, trainTasks: 200 },
      model: { type: "mlp", hidden: [40, 40] },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.01, lossReduction: "mean" },
      outer: { ...adam, rate: 3e-3 },
      clip: null,
      metaBatch: 16,
      tasksPerLeaf: 4,
      steps: 500,
      evaluation: { every: 100, validationTasks: 200, testTasks: 600, innerSteps: 5 },
    },
  },
  {
    name: "binary",
    summary: "5-shot binary classification of half-moons turned by any angle: a few seconds",
    experiment: {
      name: "binary",
      seed: 1,
      dataset: { source: "binary", shots: 5, queries: 10, evaluationQueries: 50, trainTasks: 200 },
      model: { type: "mlp", hidden: [40, 40] },
      algorithm: { type: "maml", order: 2, innerSteps: 1, innerRate: 0.4, lossReduction: "mean" },
      outer: { ...adam, rate: 3e-3 },
      clip: null,
      metaBatch: 16,
      tasksPerLeaf: 4,
      steps: 500,
      evaluation: { every: 100, validationTasks: 200, testTasks: 600, innerSteps: 5 },
    },
  },
  ...publishedPresets,
  ...algorithmPresets,
];
