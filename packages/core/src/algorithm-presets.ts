import type { Experiment } from "./experiment.ts";

/** A row of a paper that is not about MAML; what differs from the authors' setting is in its summary. */
interface AlgorithmPreset {
  readonly name: string;
  readonly summary: string;
  readonly experiment: Experiment;
}

const adam = { type: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

const omniglot = {
  source: "omniglot",
  rotations: true,
  pixels: "grey",
  trainClasses: 1100,
  validationClasses: 100,
  testClasses: 423,
  splitSeed: 1,
} as const;

/**
 * The authors' command for Omniglot: one 60-way task per step with 5 queries per class, as many shots as at test,
 * Adam at 1e-3, halved every 20 epochs of 100 steps, 15 queries per class at test. They stop where validation no
 * longer improves; we after 20,000 steps, with the rate at a thousandth of the first.
 */
const omniglot5w1sProtonet60 = {
  name: "omniglot-5w1s-protonet-60way",
  seed: 1,
  dataset: { ...omniglot, ways: 5, trainWays: 60, shots: 1, queries: 5, evaluationQueries: 15 },
  model: { type: "conv4", filters: 64, downsampling: "maxpool", batchNorm: "affine", head: "glorot" },
  algorithm: { type: "protonet" },
  outer: { ...adam, rate: 1e-3, schedule: { type: "halve", every: 2000 } },
  clip: null,
  metaBatch: 1,
  tasksPerLeaf: 1,
  steps: 20_000,
  evaluation: { every: 500, validationTasks: 100, testTasks: 1000, innerSteps: 0 },
} as const satisfies Experiment;

/** 84x84 colour, byte / 255, 15 queries per class. */
const miniimagenet = {
  source: "miniimagenet",
  ways: 5,
  queries: 15,
  evaluationQueries: 15,
  imageSide: 84,
  normalization: "unit",
} as const;

/**
 * ResNet-12 as Lee et al. 2019 have it. They train with SGD, DropBlock, weight decay and augmented images, so that
 * no row of theirs compares.
 */
const resnet12: Experiment["model"] = { type: "resnet12", widths: [64, 160, 320, 640] };

export const algorithmPresets: readonly AlgorithmPreset[] = [
  {
    name: "omniglot-5w1s-protonet-60way",
    summary:
      "Omniglot 5-way 1-shot by prototypical networks trained on 60-way tasks as in Snell et al. 2017 (98.8 %), one " +
      "task per step, on the MAML authors' split",
    experiment: omniglot5w1sProtonet60,
  },
  {
    name: "omniglot-20w1s-protonet-60way",
    summary:
      "Omniglot 20-way 1-shot by prototypical networks trained on 60-way tasks as in Snell et al. 2017 (96.0 %), one " +
      "task per step, on the MAML authors' split",
    experiment: {
      ...omniglot5w1sProtonet60,
      name: "omniglot-20w1s-protonet-60way",
      dataset: { ...omniglot5w1sProtonet60.dataset, ways: 20 },
    },
  },
  {
    name: "omniglot-5w1s-imaml",
    summary:
      "Omniglot 5-way 1-shot by implicit MAML with the numbers of Rajeswaran et al. 2019 (99.16 % by gradient " +
      "descent) and their published inner rate, on the stride-2 network with a mean over space",
    experiment: {
      name: "omniglot-5w1s-imaml",
      seed: 1,
      dataset: { ...omniglot, ways: 5, shots: 1, queries: 1, evaluationQueries: 1 },
      model: { type: "conv4", filters: 64, downsampling: "stride", batchNorm: "affine", head: "glorot" },
      // A mean loss, as the authors' cross-entropy: their rate is not MAML's.
      algorithm: {
        type: "imaml",
        innerSteps: 16,
        innerRate: 0.1,
        lossReduction: "mean",
        lambda: 2,
        cgSteps: 5,
      },
      // The authors' Adam has this epsilon.
      outer: { ...adam, rate: 1e-3, epsilon: 1e-3 },
      clip: null,
      metaBatch: 32,
      tasksPerLeaf: 1,
      steps: 20_000,
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 16 },
    },
  },
  {
    name: "sinusoid-cavia",
    summary: "10-shot sinusoid regression by CAVIA with 5 context parameters as in Zintgraf et al. 2019",
    experiment: {
      name: "sinusoid-cavia",
      seed: 1,
      dataset: { source: "sinusoid", shots: 10, queries: 10, evaluationQueries: 100 },
      model: { type: "mlp", hidden: [40, 40] },
      algorithm: {
        type: "cavia",
        innerSteps: 1,
        innerRate: 1,
        lossReduction: "mean",
        size: 5,
        layer: null,
      },
      outer: { ...adam, rate: 1e-3 },
      clip: null,
      metaBatch: 25,
      tasksPerLeaf: 1,
      steps: 50_000,
      evaluation: { every: 5000, validationTasks: 100, testTasks: 600, innerSteps: 1 },
    },
  },
  {
    name: "miniimagenet-5w1s-cavia",
    summary:
      "MiniImageNet 5-way 1-shot by CAVIA with 32 filters as in Zintgraf et al. 2019: 47.24 % after 60,000 steps",
    experiment: {
      name: "miniimagenet-5w1s-cavia",
      seed: 1,
      dataset: { ...miniimagenet, shots: 1 },
      model: { type: "conv4", filters: 32, downsampling: "maxpool", batchNorm: "affine", head: "glorot" },
      algorithm: {
        type: "cavia",
        innerSteps: 2,
        innerRate: 1,
        lossReduction: "mean",
        size: 100,
        layer: null,
      },
      // The authors' rate falls by a tenth every 5,000 steps: by half in 5000 ln(1/2) / ln(0.9) = 32,894.
      outer: { ...adam, rate: 1e-3, schedule: { type: "halve", every: 32_894 } },
      clip: null,
      metaBatch: 16,
      tasksPerLeaf: 1,
      steps: 60_000,
      evaluation: { every: 500, validationTasks: 100, testTasks: 600, innerSteps: 2 },
    },
  },
  {
    name: "miniimagenet-5w1s-resnet12",
    summary:
      "MiniImageNet 5-way 1-shot by prototypical networks on a ResNet-12 (Lee et al. 2019) without DropBlock and " +
      "augmentation: no paper's row, and work for GPUs",
    experiment: {
      name: "miniimagenet-5w1s-resnet12",
      seed: 1,
      dataset: { ...miniimagenet, shots: 1, queries: 5 },
      model: resnet12,
      algorithm: { type: "protonet" },
      outer: { ...adam, rate: 1e-3, schedule: { type: "cosine", final: 1e-5 } },
      clip: null,
      metaBatch: 4,
      tasksPerLeaf: 1,
      steps: 20_000,
      evaluation: { every: 1000, validationTasks: 100, testTasks: 600, innerSteps: 0 },
    },
  },
  {
    name: "mixed",
    summary:
      "Omniglot and glyphs mixed, 10- or 5-way and 5- or 1-shot, by prototypical networks, after Meta-Dataset's idea " +
      "(Triantafillou et al. 2020): no paper's row; name your own sources in --config",
    experiment: {
      name: "mixed",
      seed: 1,
      dataset: {
        source: "mixed",
        sources: [
          { ...omniglot, weight: 2 },
          { source: "glyphs", weight: 1, rotations: true },
        ],
        ways: 10,
        fewerWays: [5],
        shots: 5,
        fewerShots: [1],
        queries: 5,
        evaluationQueries: 5,
        imageSide: 28,
        channels: 1,
        normalization: "unit",
      },
      model: { type: "conv4", filters: 64, downsampling: "stride", batchNorm: "affine", head: "glorot" },
      algorithm: { type: "protonet" },
      outer: { ...adam, rate: 1e-3 },
      clip: null,
      metaBatch: 16,
      tasksPerLeaf: 1,
      steps: 5000,
      evaluation: { every: 500, validationTasks: 200, testTasks: 1000, innerSteps: 0 },
    },
  },
];
