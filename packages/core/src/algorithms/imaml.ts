import { grad, stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { adapt } from "../adapt.ts";
import { lossOf, lossScale } from "../losses.ts";
import type { Params } from "../model.ts";
import { type Adapted, defineAlgorithm, type TaskExamples } from "./algorithm.ts";
import { combine, conjugateGradients, dot } from "./conjugate-gradients.ts";
import { checkInnerLoop, describeInnerLoop, fixedOf, innerLoopFields } from "./inner-loop.ts";

/**
 * Implicit MAML: the adapted parameters minimize the support loss and a proximal term that ties them to the
 * shared ones, so that the meta-gradient depends on where the inner loop ends and not on its way.
 *
 *     theta* = argmin_theta L_S(theta) + lambda/2 |theta - phi|^2
 *     d L_Q(theta*) / d phi = (I + H / lambda)^-1 grad L_Q(theta*),    H = grad^2 L_S(theta*)
 *
 * The inner loop approximates theta* by `innerSteps` steps of gradient descent; `cgSteps` steps of conjugate
 * gradients solve the linear system by products of H with vectors, so memory does not grow with the steps.
 * With `u = (lambda I + H)^-1 grad L_Q` the meta-gradient is `lambda u`, and that of a parameter `s` which
 * the inner loop leaves alone is `d L_Q / d s - d <grad L_S, u> / d s`, by the same implicit function.
 *
 * @see Rajeswaran et al. 2019, equations 3 and 6 and Algorithm 2, https://arxiv.org/abs/1909.04630
 */
export const imaml = defineAlgorithm({
  name: "imaml",
  schema: z.strictObject({
    type: z.literal("imaml"),
    ...innerLoopFields,
    /** Strength of the proximal term. */
    lambda: z.number().positive().finite(),
    /** Steps of conjugate gradients. */
    cgSteps: z.int().min(1),
  }),
  defaults: { innerSteps: 16, innerRate: 0.01, lossReduction: "mean", lambda: 2, cgSteps: 5 },
  inherited: ["lossReduction"],
  companions: { evaluation: { innerSteps: 16 } },
  describe: ({ lambda, cgSteps, ...config }) =>
    `iMAML (lambda ${lambda}, ${cgSteps} step${cgSteps === 1 ? "" : "s"} of conjugate gradients), ` +
    describeInnerLoop(config),
  check: checkInnerLoop,
  create(config, { model, problem }) {
    const { innerSteps, innerRate, lossReduction, lambda, cgSteps } = config;
    const fixed = fixedOf(model.params);
    const scale = lossScale(problem, lossReduction);
    const loss = (params: Params, { x, y }: TaskExamples): tf.Tensor =>
      tf.mul(lossOf(problem, model.apply(params, x), y), scale);
    const movingOf = (params: Params): Params =>
      Object.fromEntries(Object.entries(params).filter(([name]) => !fixed.has(name)));
    /** The parameters before the first step and after each; no gradient flows through them. */
    const walk = (phi: Params, support: TaskExamples, steps: number): readonly Params[] => {
      const start = stopGradient(phi);
      const proximal = (theta: Params): tf.Tensor => {
        const way = combine(movingOf(theta), -1, start);
        return tf.add(loss(theta, support), tf.mul(lambda / 2, dot(way, way)));
      };
      return adapt(proximal, start, { steps, rate: innerRate, order: 1, fixed }).map(stopGradient);
    };
    return {
      params: model.params,
      objective(phi, { support, query }) {
        const last = walk(phi, support, innerSteps).at(-1)!;
        const moving = movingOf(last);
        const ofQuery = grad((p: Params) => loss(p, query))(last);
        /** `<grad L_S, v>`, whose gradient in the moving parameters is `H v`. */
        const slope = (p: Params, v: Params): tf.Tensor =>
          dot(grad((theta: Params) => loss({ ...p, ...theta }, support))(movingOf(p)), v);
        const damped = (v: Params): Params =>
          combine(grad((theta: Params) => slope({ ...last, ...theta }, v))(moving), lambda, v);
        const u = conjugateGradients(damped, movingOf(ofQuery), cgSteps);
        const direct = combine(ofQuery, -1, grad((p: Params) => slope(p, u))(last));
        const gradient = Object.fromEntries(
          Object.keys(phi).map((name) => [name, fixed.has(name) ? direct[name]! : tf.mul(lambda, u[name]!)]),
        );
        return { value: dot(phi, stopGradient(gradient)), outputs: model.apply(last, query.x) };
      },
      adapt: (phi, support, steps) =>
        walk(phi, support, steps).map(
          (theta): Adapted => ({
            params: theta,
            predict: (x, options) => model.apply(theta, x, options),
          }),
        ),
    };
  },
});
