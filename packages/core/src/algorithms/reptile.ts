import { grad, stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { lossOf } from "../losses.ts";
import type { Params } from "../model.ts";
import { type Adapted, defineAlgorithm, type TaskExamples } from "./algorithm.ts";
import { checkInnerLoop } from "./inner-loop.ts";
import { drawMinibatches } from "./minibatches.ts";

/** Decay of Adam's mean square and what is added to its root: TensorFlow's defaults, as the authors'. */
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** Where the parameters and the optimizer are on their way through a task. */
interface Walk {
  readonly params: Params;
  /** Adam's mean of squared gradients; none for SGD. */
  readonly meanSquare: Params;
  /** beta2 to the power of the steps taken. */
  readonly decay: number;
}

/**
 * Reptile: move the shared parameters towards those that ordinary training on a task leads to.
 *
 *     meta-gradient = phi - phi_K,    phi_K after K steps on minibatches of the support set
 *
 * With an outer `sgd` of rate epsilon that is the paper's `phi + epsilon mean(phi_K - phi)`. Every
 * parameter adapts: one that does not would never move. Query examples in training serve the statistics
 * alone. Two things differ from the authors' code: all tasks of a step take their minibatches in the same
 * random order, and the inner Adam starts anew with each task, where theirs carries its mean square on
 * from task to task, which would make a task's gradient depend on who computed the one before.
 *
 * @see Nichol et al. 2018, Algorithm 1 and section 6, https://arxiv.org/abs/1803.02999
 */
export const reptile = defineAlgorithm({
  name: "reptile",
  schema: z.strictObject({
    type: z.literal("reptile"),
    innerSteps: z.int().min(1),
    innerRate: z.number().positive().finite(),
    /** `adam`: with beta1 = 0, as in the paper. */
    innerOptimizer: z.enum(["sgd", "adam"]),
    /** Support examples per inner step, in training and in evaluation; null: all of them. */
    batchSize: z.int().min(1).nullable(),
    evaluationBatchSize: z.int().min(1).nullable(),
  }),
  defaults: {
    innerSteps: 5,
    innerRate: 1e-3,
    innerOptimizer: "adam",
    batchSize: 10,
    evaluationBatchSize: null,
  },
  inherited: [],
  companions: {
    dataset: { trainShots: 10 },
    outer: { type: "sgd", rate: 1, schedule: { type: "linear", final: 0 } },
    evaluation: { innerSteps: 50 },
  },
  describe: ({ innerSteps, innerRate, innerOptimizer, batchSize }) =>
    `Reptile, ${innerSteps} inner step${innerSteps === 1 ? "" : "s"} of ${innerOptimizer} ${innerRate} ` +
    `on ${batchSize === null ? "the support set" : `minibatches of ${batchSize}`}`,
  check: checkInnerLoop,
  create(config, { model, problem, episode, seed }) {
    const { innerSteps, batchSize, evaluationBatchSize } = config;
    const examples = episode.support.x.shape[0]!;
    const isWhole = batchSize === null || batchSize >= examples;
    const minibatches = { size: batchSize ?? examples, count: innerSteps };
    const loss = (params: Params, { x, y }: TaskExamples): tf.Tensor =>
      lossOf(problem, model.apply(params, x), y);
    /** The walk of `steps` steps from `params`, each on its examples. */
    const walk = (params: Params, steps: number, examplesOf: (step: number) => TaskExamples): Walk[] => {
      const path: Walk[] = [{ params, meanSquare: {}, decay: 1 }];
      for (let step = 0; step < steps; step++) {
        const gradient = stopGradient(grad(loss)(path[step]!.params, examplesOf(step)));
        path.push(move(path[step]!, gradient, config));
      }
      return path;
    };
    return {
      params: model.params,
      ...(isWhole
        ? {}
        : {
            schedule: {
              shapes: { minibatches: [minibatches.size * minibatches.count] },
              at: (version) => ({ minibatches: drawMinibatches(examples, minibatches, seed, version) }),
            },
          }),
      objective(params, { support, query }, { minibatches: order }) {
        const examplesOf = (step: number): TaskExamples =>
          order === undefined ? support : select(support, order, step, minibatches.size);
        const { params: last } = walk(params, innerSteps, examplesOf).at(-1)!;
        const terms = Object.entries(params).map(([name, phi]) =>
          tf.sum(tf.mul(phi, stopGradient(tf.sub(phi, last[name]!)))),
        );
        return { value: tf.addN(terms), outputs: model.apply(last, query.x) };
      },
      adapt(params, support, steps) {
        const size = evaluationBatchSize ?? examples;
        const order =
          size >= examples ? null : tf.tensor1d([...drawMinibatches(examples, { size, count: steps }, seed)]);
        return walk(params, steps, (step) =>
          order === null ? support : select(support, order, step, size),
        ).map(
          ({ params: adapted }): Adapted => ({
            params: adapted,
            predict: (x, options) => model.apply(adapted, x, options),
          }),
        );
      },
    };
  },
});

/** The examples of minibatch `step`. */
function select({ x, y }: TaskExamples, order: tf.Tensor, step: number, size: number): TaskExamples {
  const indices = tf.cast(tf.slice(order, [step * size], [size]), "int32") as tf.Tensor1D;
  return { x: tf.gather(x, indices), y: tf.gather(y, indices) };
}

/** One step of SGD, or of Adam with beta1 = 0 (Kingma and Ba 2015, Algorithm 1). */
function move(
  { params, meanSquare, decay: decayBefore }: Walk,
  gradient: Params,
  { innerOptimizer, innerRate }: { readonly innerOptimizer: "sgd" | "adam"; readonly innerRate: number },
): Walk {
  const moved: Record<string, tf.Tensor> = {};
  const squares: Record<string, tf.Tensor> = {};
  const decay = BETA2 * decayBefore;
  for (const [name, p] of Object.entries(params)) {
    const g = gradient[name]!;
    if (innerOptimizer === "sgd") {
      moved[name] = tf.sub(p, tf.mul(innerRate, g));
      continue;
    }
    const before = meanSquare[name];
    const recent = tf.mul(1 - BETA2, tf.square(g));
    const square = before === undefined ? recent : tf.add(tf.mul(BETA2, before), recent);
    squares[name] = square;
    const root = tf.sqrt(tf.mul(square, 1 / (1 - decay)));
    moved[name] = tf.sub(p, tf.mul(innerRate, tf.div(g, tf.add(root, EPSILON))));
  }
  return { params: moved, meanSquare: squares, decay };
}
