import { grad, stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { Params } from "./model.ts";
import { ShoalError } from "./outer/shoal-error.ts";

export interface AdaptOptions {
  /** Gradient steps, >= 1. */
  readonly steps: number;
  /** Inner learning rate, > 0. */
  readonly rate: number;
  /** 2: gradients flow through the steps. 1: the inner gradients are constants (first-order MAML). */
  readonly order: 1 | 2;
  /** Names of the parameters that stay as they are. Default: none. */
  readonly fixed?: ReadonlySet<string>;
}

/**
 * Adapts `params` to one task with `steps` steps of gradient descent on `loss`.
 *
 * Runs under capture and is differentiable in `params`, so MAML takes its gradient through this call.
 *
 * @param loss scalar support loss
 * @returns the parameters before the first step and after each: `steps + 1` of them, same names and shapes
 * @throws {ShoalError} E_EXPERIMENT if `steps` < 1 or `rate` <= 0
 * @see Finn et al. 2017, Algorithm 1, lines 5-6, https://arxiv.org/abs/1703.03400
 */
export function adapt(
  loss: (params: Params) => tf.Tensor,
  params: Params,
  { steps, rate, order, fixed = new Set() }: AdaptOptions,
): readonly Params[] {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new ShoalError("E_EXPERIMENT", `innerSteps: expected an integer >= 1, got ${steps}`);
  }
  if (!(rate > 0)) throw new ShoalError("E_EXPERIMENT", `innerRate: expected a number > 0, got ${rate}`);
  const path: Params[] = [params];
  for (let step = 0; step < steps; step++) {
    const before = path[step]!;
    const exact = grad(loss)(before);
    const gradient = order === 1 ? stopGradient(exact) : exact;
    const stepped = Object.entries(before).map(([name, p]) => [
      name,
      fixed.has(name) ? p : tf.sub(p, tf.mul(rate, gradient[name]!)),
    ]);
    path.push(Object.fromEntries(stepped));
  }
  return path;
}
