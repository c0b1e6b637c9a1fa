import { stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { defineAlgorithm } from "./algorithm.ts";
import { fineTune, fineTuneRate } from "./fine-tune.ts";
import { checkInnerLoop } from "./inner-loop.ts";

/**
 * Training from scratch, the baseline without meta-learning: each test task trains the random initialization on
 * its support set, for many steps. Meta-training does nothing: its gradient is 0, so 0 meta-steps are enough.
 */
export const scratch = defineAlgorithm({
  name: "scratch",
  schema: z.strictObject({
    type: z.literal("scratch"),
    /** Of the gradient descent on the support set, in evaluation. */
    innerRate: fineTuneRate,
  }),
  defaults: { innerRate: 0.1 },
  inherited: ["innerRate"],
  companions: { steps: 0, evaluation: { innerSteps: 50 } },
  describe: ({ innerRate }) => `training from scratch on each task, steps of ${innerRate}, no meta-learning`,
  check: checkInnerLoop,
  create({ innerRate }, context) {
    const { model } = context;
    return {
      params: model.params,
      objective(params, { query }) {
        const terms = Object.values(params).map((p) => tf.sum(tf.mul(p, stopGradient(tf.zerosLike(p)))));
        return { value: tf.addN(terms), outputs: model.apply(params, query.x) };
      },
      adapt: (params, support, steps) => fineTune(context, params, support, { steps, rate: innerRate }),
    };
  },
});
