import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { type AdaptOptions, adapt } from "../adapt.ts";
import { lossOf, lossScale } from "../losses.ts";
import type { ParamSpec, Params } from "../model.ts";
import type { Adapted, Algorithm, AlgorithmContext, Surroundings, TaskExamples } from "./algorithm.ts";

/** The fields of an algorithm whose inner loop is gradient descent with one rate. */
export const innerLoopFields = {
  innerSteps: z.int().min(1),
  innerRate: z.number().positive().finite(),
  /** `mean` over examples, or the MAML authors' `sum-over-ways`, which is ways times the mean. */
  lossReduction: z.enum(["mean", "sum-over-ways"]),
};

export type InnerLoopConfig = z.infer<z.ZodObject<typeof innerLoopFields>>;

export const innerLoopDefaults: InnerLoopConfig = { innerSteps: 1, innerRate: 0.4, lossReduction: "mean" };

export const innerLoopNames = ["innerSteps", "innerRate", "lossReduction"] as const;

/** `2 inner steps of 0.4 on the mean loss`. */
export function describeInnerLoop({ innerSteps, innerRate, lossReduction }: InnerLoopConfig): string {
  return `${innerSteps} inner step${innerSteps === 1 ? "" : "s"} of ${innerRate} on the ${lossReduction} loss`;
}

/** An inner loop takes steps in evaluation too. */
export function checkInnerLoop(
  _: unknown,
  { evaluation }: Surroundings,
  fault: (path: string, message: string) => void,
): void {
  if (evaluation.innerSteps < 1) {
    fault("evaluation.innerSteps", `expected at least 1, got ${evaluation.innerSteps}`);
  }
}

/** Names of the parameters of `params` that the inner loop leaves alone. */
export function fixedOf(params: readonly ParamSpec[]): ReadonlySet<string> {
  return new Set(params.filter(({ adapted }) => !adapted).map(({ name }) => name));
}

/**
 * The algorithm that adapts by gradient descent and differentiates the query loss after the last step.
 *
 * @param params the model's, and the algorithm's own; the inner loop moves those that are `adapted`
 * @param loop its rate and order, given the meta-parameters
 * @see Finn et al. 2017, Algorithm 2, https://arxiv.org/abs/1703.03400
 */
export function innerLoopAlgorithm(
  { innerSteps, lossReduction }: InnerLoopConfig,
  { model, problem }: AlgorithmContext,
  params: readonly ParamSpec[],
  loop: (params: Params) => Pick<AdaptOptions, "rate" | "order">,
): Algorithm {
  const fixed = fixedOf(params);
  const scale = lossScale(problem, lossReduction);
  const loss = (p: Params, { x, y }: TaskExamples): tf.Tensor =>
    tf.mul(lossOf(problem, model.apply(p, x), y), scale);
  return {
    params,
    objective(initial, { support, query }) {
      const options = { ...loop(initial), steps: innerSteps, fixed };
      const last = adapt((p) => loss(p, support), initial, options).at(-1)!;
      const outputs = model.apply(last, query.x);
      return { value: tf.mul(lossOf(problem, outputs, query.y), scale), outputs };
    },
    adapt(initial, support, steps) {
      const options = { ...loop(initial), order: 1, steps, fixed } as const;
      return adapt((p) => loss(p, support), initial, options).map(
        (adapted): Adapted => ({
          params: adapted,
          predict: (x, applyOptions) => model.apply(adapted, x, applyOptions),
        }),
      );
    },
  };
}
