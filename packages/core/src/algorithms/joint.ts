import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { crossEntropy, lossOf } from "../losses.ts";
import type { ParamSpec } from "../model.ts";
import { ShoalError } from "../outer/shoal-error.ts";
import { type Identities, outputsOf, type Problem } from "../task-source.ts";
import { defineAlgorithm } from "./algorithm.ts";
import { fineTune, fineTuneRate } from "./fine-tune.ts";
import { checkInnerLoop } from "./inner-loop.ts";

/** Added to logits that are out of the question: their probability is exactly 0. */
const OUT_OF_THE_QUESTION = -1e9;

/**
 * Joint multi-task training, the baseline without an inner loop in training: one trunk for all tasks, and a
 * head for each, trained together on all examples of the tasks, support and query.
 *
 * The heads are one linear layer with an output for everything that comes again in training (the
 * source's `identities`): a task of regression or binary classification has an output of its own; of the
 * classes each has one, and an episode's loss is the cross-entropy over all classes of its family (an
 * alphabet; all training classes where there are no families), not over the episode's few. Where no task
 * comes again, all share one head.
 *
 * In evaluation a task gets a fresh head, the mean of the trained ones (for classes, the same as zeros), and
 * gradient descent on its support set trains it: with the `frozen` trunk, or with it.
 *
 * @see Caruana 1997, https://doi.org/10.1023/A:1007379606734
 * @see Chen et al. 2019, section 3.2 (the "Baseline" of few-shot classification), https://arxiv.org/abs/1904.04232
 * @see Finn et al. 2017, section 5.1 (pretraining on all sinusoids), https://arxiv.org/abs/1703.03400
 */
export const joint = defineAlgorithm({
  name: "joint",
  schema: z.strictObject({
    type: z.literal("joint"),
    /** Of the gradient descent on the support set, in evaluation. */
    innerRate: fineTuneRate,
    trunk: z.enum(["frozen", "adapted"]),
  }),
  defaults: { innerRate: 0.1, trunk: "frozen" },
  inherited: ["innerRate"],
  companions: { evaluation: { innerSteps: 20 } },
  describe: ({ innerRate, trunk }) =>
    `joint training of a trunk and heads, then steps of ${innerRate} on a fresh head` +
    (trunk === "frozen" ? " (trunk frozen)" : " and the trunk"),
  check: checkInnerLoop,
  create({ innerRate, trunk }, context) {
    const { model, problem, identities } = context;
    const count = headCount(problem, identities);
    const heads = new Set(model.params.filter(({ part }) => part === "head").map(({ name }) => name));
    if (heads.size === 0) {
      throw new ShoalError(
        "E_EXPERIMENT",
        'algorithm: joint trains a head per task, and the model declares none; mark its parameters with part: "head"',
      );
    }
    const outputs = outputsOf(problem);
    const body = model.params.flatMap(({ name }) => (heads.has(name) ? [] : [name]));
    const fixed = new Set(trunk === "frozen" ? body : []);
    return {
      params: model.params.map((param) => (heads.has(param.name) ? widened(param, outputs, count) : param)),
      ...(identities === undefined ? {} : { readsIdentities: true }),
      objective(params, { support, query, identities: own }) {
        const x = tf.concat([support.x, query.x], 0);
        const y = tf.concat([support.y, query.y], 0);
        const everything = model.apply(params, x);
        const ofTask = own === undefined ? everything : columns(everything, own, count);
        const value =
          problem.type === "classification"
            ? familyLoss(everything, y, own!, identities!)
            : lossOf(problem, ofTask, y);
        const [first, size] = [support.x.shape[0]!, query.x.shape[0]!];
        return { value, outputs: tf.slice(ofTask, [first, 0], [size, outputs]) };
      },
      adapt(params, support, steps) {
        const fresh = Object.fromEntries(
          Object.entries(params).map(([name, p]) => [name, heads.has(name) ? meanHead(p, outputs) : p]),
        );
        return fineTune(context, fresh, support, { steps, rate: innerRate, fixed });
      },
    };
  },
});

/** Outputs of all heads together. */
function headCount(problem: Problem, identities: Identities | undefined): number {
  if (identities !== undefined) return identities.familySizes.reduce((sum, size) => sum + size, 0);
  if (problem.type !== "classification") return outputsOf(problem);
  throw new ShoalError(
    "E_EXPERIMENT",
    "algorithm: joint trains a head over all classes, and this task source does not say which class a label stands " +
      "for; give it identities",
  );
}

/** A parameter of the head with `count` outputs along its last axis. */
function widened(param: ParamSpec, outputs: number, count: number): ParamSpec {
  const { name, shape, initial } = param;
  if (shape.at(-1) !== outputs || initial.type === "values") {
    throw new ShoalError(
      "E_EXPERIMENT",
      `algorithm: joint expects a linear head with the outputs along its last axis and random initial values; ` +
        `${name} has the shape [${shape}]${initial.type === "values" ? " and values of its own" : ""}`,
    );
  }
  return { ...param, shape: [...shape.slice(0, -1), count] };
}

/** The columns that `own` names: `[n, count]` -> `[n, outputs]`. */
function columns(everything: tf.Tensor, own: tf.Tensor, count: number): tf.Tensor {
  const chosen = tf.cast(tf.oneHot(own as tf.Tensor1D, count), "float32");
  return tf.matMul(everything as tf.Tensor2D, chosen as tf.Tensor2D, false, true);
}

/** Cross-entropy over all classes of the episode's family. */
function familyLoss(
  everything: tf.Tensor,
  y: tf.Tensor,
  own: tf.Tensor,
  { familySizes }: Identities,
): tf.Tensor {
  const labels = tf.gather(own, tf.cast(y, "int32") as tf.Tensor1D);
  if (familySizes.length === 1) return crossEntropy(everything, labels);
  const familyOf = tf.tensor1d(familySizes.flatMap((size, family) => new Array<number>(size).fill(family)));
  const family = tf.slice(tf.gather(familyOf, own as tf.Tensor1D), [0], [1]);
  const isOther = tf.cast(tf.notEqual(familyOf, family), "float32");
  return crossEntropy(tf.add(everything, tf.mul(isOther, OUT_OF_THE_QUESTION)), labels);
}

/** The mean of all heads' outputs, `outputs` times along the last axis. */
function meanHead(p: tf.Tensor, outputs: number): tf.Tensor {
  const mean = tf.mean(p, p.rank - 1, true);
  return tf.tile(mean, [...new Array<number>(p.rank - 1).fill(1), outputs]);
}
