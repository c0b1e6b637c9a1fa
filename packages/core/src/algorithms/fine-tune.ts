import type * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { type AdaptOptions, adapt } from "../adapt.ts";
import { lossOf } from "../losses.ts";
import type { Params } from "../model.ts";
import type { Adapted, AlgorithmContext, TaskExamples } from "./algorithm.ts";

/** The rate of gradient descent on a test task's support set, for algorithms without an inner loop in training. */
export const fineTuneRate = z.number().positive().finite();

/** Gradient descent on the mean loss of the support set: the learner before the first step and after each. */
export function fineTune(
  { model, problem }: Pick<AlgorithmContext, "model" | "problem">,
  params: Params,
  support: TaskExamples,
  options: Pick<AdaptOptions, "steps" | "rate" | "fixed">,
): readonly Adapted[] {
  const loss = (p: Params): tf.Tensor => lossOf(problem, model.apply(p, support.x), support.y);
  return adapt(loss, params, { ...options, order: 1 }).map(
    (adapted): Adapted => ({
      params: adapted,
      predict: (x, applyOptions) => model.apply(adapted, x, applyOptions),
    }),
  );
}
