import { z } from "zod";

/**
 * Everything that decides a run's bits, as plain JSON. The coordinator sends it to every worker;
 * how many workers compute it, on how many threads, is not part of it.
 */

const count = z.int().min(1);
const rate = z.number().positive().finite();

const sinusoid = z.strictObject({
  source: z.literal("sinusoid"),
  /** Support examples per task. */
  shots: count,
  /** Query examples per training task. */
  queries: count,
  /** Query examples per evaluation task. */
  evaluationQueries: count,
});

const imageEpisodes = {
  ways: z.int().min(2),
  shots: count,
  /** Query examples per class in training episodes. */
  queries: count,
  /** Query examples per class in evaluation episodes. */
  evaluationQueries: count,
  /** Each class of an episode is rotated by one of four quarter turns. */
  rotations: z.boolean(),
};

const glyphs = z.strictObject({ source: z.literal("glyphs"), ...imageEpisodes });

const omniglot = z.strictObject({
  source: z.literal("omniglot"),
  ...imageEpisodes,
  /** `binary`: 1-bit pixels, nearest neighbour (the MAML authors). `grey`: area-averaged. */
  pixels: z.enum(["binary", "grey"]),
  /** Characters per split, drawn from the sorted names with `splitSeed`. */
  trainClasses: count,
  validationClasses: count,
  testClasses: count,
  splitSeed: z.int().min(0),
});

const mlp = z.strictObject({
  type: z.literal("mlp"),
  /** Widths of the hidden layers. */
  hidden: z.array(count),
});

const conv4 = z.strictObject({
  type: z.literal("conv4"),
  filters: count,
  /** `maxpool`: 2x2 max-pool and flatten. `stride`: stride-2 convolutions and a mean over space. */
  downsampling: z.enum(["maxpool", "stride"]),
  /** Batch norm has a learned scale and shift, adapted in the inner loop. */
  batchNormAffine: z.boolean(),
  /** `glorot`: Glorot uniform. `normal`: N(0, 1), as the MAML authors' strided network. */
  head: z.enum(["glorot", "normal"]),
});

const maml = z.strictObject({
  type: z.literal("maml"),
  /** 2: through the inner loop. 1: first-order MAML. */
  order: z.union([z.literal(1), z.literal(2)]),
  innerSteps: count,
  innerRate: rate,
  /** `mean` over examples, or the MAML authors' `sum-over-ways`, which is ways times the mean. */
  lossReduction: z.enum(["mean", "sum-over-ways"]),
});

const sgd = z.strictObject({ type: z.literal("sgd"), rate });
const adam = z.strictObject({
  type: z.literal("adam"),
  rate,
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: rate,
});

const fields = z.strictObject({
  name: z.string().min(1),
  /** Seeds the initial parameters and every episode. */
  seed: z.int().min(0).max(0xffff_ffff),
  dataset: z.discriminatedUnion("source", [sinusoid, glyphs, omniglot]),
  model: z.discriminatedUnion("type", [mlp, conv4]),
  algorithm: z.discriminatedUnion("type", [maml]),
  outer: z.discriminatedUnion("type", [sgd, adam]),
  /** Each element of the mean meta-gradient is clipped to +-clip; null: not clipped. */
  clip: rate.nullable(),
  /** Tasks per meta-step. */
  metaBatch: count,
  /** Consecutive tasks that one graph run computes; divides every task count; part of the run's bits. */
  tasksPerLeaf: count,
  /** Meta-steps of the whole run. */
  steps: z.int().min(0),
  evaluation: z.strictObject({
    /** Validation every this many steps; 0: never. */
    every: z.int().min(0),
    validationTasks: count,
    testTasks: count,
    /** Inner steps at evaluation; the metric is reported after each of them. */
    innerSteps: count,
  }),
});

/** Checks an experiment's fields, and that they fit together. */
export const experimentSchema = fields.superRefine((experiment, context) => {
  const { tasksPerLeaf, evaluation } = experiment;
  const taskCounts = {
    metaBatch: experiment.metaBatch,
    "evaluation.validationTasks": evaluation.validationTasks,
    "evaluation.testTasks": evaluation.testTasks,
  };
  for (const [name, count] of Object.entries(taskCounts)) {
    if (count % tasksPerLeaf === 0) continue;
    const message = `${name}: expected a multiple of tasksPerLeaf (${tasksPerLeaf}), got ${count}`;
    context.addIssue({ code: "custom", path: name.split("."), message });
  }
  if (experiment.model.type === "conv4" && experiment.dataset.source === "sinusoid") {
    const message = "model: conv4 needs images, and sinusoid has none; use mlp";
    context.addIssue({ code: "custom", path: ["model"], message });
  }
});

export type Experiment = z.infer<typeof fields>;
export type DatasetConfig = Experiment["dataset"];
export type ModelConfig = Experiment["model"];
export type AlgorithmConfig = Experiment["algorithm"];
