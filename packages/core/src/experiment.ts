import { z } from "zod";
import { algorithmOf, algorithmSchemas, algorithms } from "./algorithms/registry.ts";
import { datasetConfig } from "./datasets/dataset-config.ts";
import { checkMixed } from "./datasets/mixed.ts";
import { describeIssue } from "./describe-issue.ts";
import { ShoalError } from "./outer/shoal-error.ts";

/**
 * Everything that decides a run's bits, as plain JSON. The coordinator sends it to every worker;
 * how many workers compute it, on how many threads, is not part of it.
 */

/** Episode indices are 32-bit coordinates of the random streams. */
const EPISODES_MAX = 2 ** 32;

const count = z.int().min(1);
const rate = z.number().positive().finite();

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
  /**
   * What batch norm learns. `affine`: a scale and a shift, adapted in the inner loop. `outer-shift`: a
   * shift that only the outer optimizer moves (the MAML authors). `none`: nothing.
   */
  batchNorm: z.enum(["affine", "outer-shift", "none"]),
  /** `glorot`: Glorot uniform. `normal`: N(0, 1), as the MAML authors' strided network. */
  head: z.enum(["glorot", "normal"]),
});

const resnet12 = z.strictObject({
  type: z.literal("resnet12"),
  /** Filters of the four blocks. */
  widths: z.tuple([count, count, count, count]),
});

const steps = count.optional();
/** How the outer rate changes with the step; `steps` is the length of the fall. Default: all steps of the run. */
const schedule = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("constant") }),
    z.strictObject({ type: z.literal("cosine"), final: z.number().min(0).finite(), steps }),
    z.strictObject({ type: z.literal("linear"), final: z.number().min(0).finite(), steps }),
    z.strictObject({ type: z.literal("halve"), every: count }),
  ])
  .optional();

const sgd = z.strictObject({ type: z.literal("sgd"), rate, schedule });
const adam = z.strictObject({
  type: z.literal("adam"),
  rate,
  beta1: z.number().min(0).lt(1),
  beta2: z.number().min(0).lt(1),
  epsilon: rate,
  schedule,
});

const fields = z.strictObject({
  name: z.string().min(1),
  /** Seeds the initial parameters and every episode. */
  seed: z.int().min(0).max(0xffff_ffff),
  dataset: datasetConfig,
  model: z.discriminatedUnion("type", [mlp, conv4, resnet12]),
  algorithm: z.discriminatedUnion("type", algorithmSchemas),
  outer: z.discriminatedUnion("type", [sgd, adam]),
  /** Each element of the mean meta-gradient is clipped to +-clip; null: not clipped. */
  clip: rate.nullable(),
  /** Tasks per meta-step. */
  metaBatch: count,
  /** Consecutive tasks that one graph run computes; divides every task count; part of the run's bits. */
  tasksPerLeaf: count,
  /**
   * `bf16`: the gradient of each leaf is rounded to bfloat16 before it is summed, so that one that travels alone
   * takes half the bytes; part of the run's bits, whoever sends it. Default: `f32`, nothing is rounded.
   */
  wire: z.enum(["f32", "bf16"]).optional(),
  /** Meta-steps of the whole run. */
  steps: z.int().min(0),
  evaluation: z.strictObject({
    /** Validation every this many steps; 0: never. */
    every: z.int().min(0),
    validationTasks: count,
    testTasks: count,
    /** Inner steps at evaluation; the metric is reported after each of them. */
    innerSteps: z.int().min(0),
    /**
     * Whose statistics batch norm takes for the query set: `transductive`, the query set's own (the MAML
     * authors; the default); `inductive`, the support set's; `both`, side by side.
     */
    batchNorm: z.enum(["transductive", "inductive", "both"]).optional(),
  }),
});

/** Checks an experiment's fields, and that they fit together. */
export const experimentSchema = fields.superRefine((experiment, context) => {
  const fault = (path: string, message: string): void =>
    context.addIssue({ code: "custom", path: path.split("."), message });
  const { dataset, tasksPerLeaf, evaluation } = experiment;
  const taskCounts = {
    metaBatch: experiment.metaBatch,
    "evaluation.validationTasks": evaluation.validationTasks,
    "evaluation.testTasks": evaluation.testTasks,
  };
  for (const [name, count] of Object.entries(taskCounts)) {
    if (count % tasksPerLeaf === 0) continue;
    fault(name, `expected a multiple of tasksPerLeaf (${tasksPerLeaf}), got ${count}`);
  }
  const { type: model } = experiment.model;
  if (model !== "mlp" && !("ways" in dataset)) {
    fault("model", `${model} needs images, and ${dataset.source} has none; use mlp`);
  }
  const { algorithm } = experiment;
  algorithmOf(algorithm).check?.(algorithm, experiment, fault);
  const isSummed = "lossReduction" in algorithm && algorithm.lossReduction === "sum-over-ways";
  if (isSummed && !("ways" in dataset)) {
    fault("algorithm.lossReduction", `sum-over-ways needs classes, and ${dataset.source} has none; use mean`);
  }
  if (dataset.source === "mixed") {
    checkMixed(dataset, fault);
    if (algorithm.type === "joint") {
      fault(
        "algorithm.type",
        "joint trains a head over the classes of one data set, and mixed has several; take another",
      );
    }
  }
  if (dataset.source === "omniglot" && dataset.families === "alphabet") {
    const { split = "background" } = dataset;
    if (split !== "background" && split !== "alphabets") {
      fault("dataset.split", `families of alphabets expect background or alphabets, got ${split}`);
    }
  }
  if ("ways" in dataset) {
    const { ways } = dataset;
    const trainWays = ("trainWays" in dataset ? dataset.trainWays : undefined) ?? ways;
    if (trainWays !== ways && algorithmOf(algorithm).fitsAnyWays !== true) {
      const headless = algorithms.flatMap(({ name, fitsAnyWays }) => (fitsAnyWays === true ? [name] : []));
      fault(
        "dataset.trainWays",
        `expected ${ways} (the ways), since ${algorithm.type} has a head with an output for each class; got ` +
          `${trainWays}; leave it out, or take ${headless.join(" or ")}`,
      );
    }
  }
  if (dataset.source === "omniglot") {
    const { ways, trainWays = ways } = dataset;
    for (const split of ["trainClasses", "validationClasses", "testClasses"] as const) {
      const [wanted, name] =
        split === "trainClasses" && trainWays !== ways ? [trainWays, "trainWays"] : [ways, "ways"];
      if (dataset[split] >= wanted) continue;
      fault(`dataset.${split}`, `expected at least ${wanted} (${name}), got ${dataset[split]}`);
    }
  }
  if (experiment.steps * experiment.metaBatch > EPISODES_MAX) {
    const tasks = experiment.steps * experiment.metaBatch;
    fault("steps", `expected at most 2^32 tasks in all (steps * metaBatch), got ${tasks}`);
  }
});

/**
 * The experiment in `value`, which came from a file, a command line or a wire.
 *
 * @throws {ShoalError} E_EXPERIMENT that names each field that is wrong or does not fit the others
 */
export function parseExperiment(value: unknown): Experiment {
  const { data, error } = experimentSchema.safeParse(value);
  if (data !== undefined) return data;
  const faults = error.issues.map((issue) => describeIssue(issue, value));
  throw new ShoalError("E_EXPERIMENT", faults.join("; "), { cause: error });
}

export type Experiment = z.infer<typeof fields>;
export type ModelConfig = Experiment["model"];
