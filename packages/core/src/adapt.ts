import { grad, stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { Params } from "./model.ts";
import { ShoalError } from "./outer/shoal-error.ts";

export interface AdaptOptions {
  /** Gradient steps, >= 1. */
  readonly steps: number;
  /** Inner learning rate, > 0; or one for each parameter and step (from 0), of its shape or a scalar. */
  readonly rate: number | ((name: string, step: number) => tf.Tensor);
  /**
   * 2: gradients flow through the steps. 1: the inner gradients are constants (first-order MAML). A scalar:
   * what flows through them is multiplied by it, so that 0 and 1 choose between the two when the graph runs.
   */
  readonly order: 1 | 2 | tf.Tensor;
  /** Names of the parameters that stay as they are. Default: none. */
  readonly fixed?: ReadonlySet<string>;
}

/**
 * Adapts `params` to one task with `steps` steps of gradient descent on `loss`.
 *
 * Runs under capture and is differentiable in `params`, so MAML takes its gradient through this call.
 *
 * @param loss scalar support loss, at the parameters of a step (from 0)
 * @returns the parameters before the first step and after each: `steps + 1` of them, same names and shapes
 * @throws {ShoalError} E_EXPERIMENT if `steps` < 1 or `rate` <= 0
 * @see Finn et al. 2017, Algorithm 1, lines 5-6, https://arxiv.org/abs/1703.03400
 */
export function adapt(
  loss: (params: Params, step: number) => tf.Tensor,
  params: Params,
  { steps, rate, order, fixed = new Set() }: AdaptOptions,
): readonly Params[] {
  if (!Number.isInteger(steps) || steps < 1) {
    throw new ShoalError("E_EXPERIMENT", `innerSteps: expected an integer >= 1, got ${steps}`);
  }
  if (typeof rate === "number" && !(rate > 0)) {
    throw new ShoalError("E_EXPERIMENT", `innerRate: expected a number > 0, got ${rate}`);
  }
  const path: Params[] = [params];
  for (let step = 0; step < steps; step++) {
    const before = path[step]!;
    const moving = Object.fromEntries(Object.entries(before).filter(([name]) => !fixed.has(name)));
    const exact = grad((p: Params) => loss({ ...before, ...p }, step))(moving);
    const gradient = order === 2 ? exact : order === 1 ? stopGradient(exact) : damped(exact, order);
    const stepped = Object.entries(moving).map(([name, p]) => {
      const r = typeof rate === "number" ? rate : rate(name, step);
      return [name, tf.sub(p, tf.mul(r, gradient[name]!))];
    });
    path.push({ ...before, ...(Object.fromEntries(stepped) as Params) });
  }
  return path;
}

/** The same values, and `flow` times the derivatives: `stop(g) + flow * (g - stop(g))`. */
function damped(gradient: Params, flow: tf.Tensor): Params {
  return Object.fromEntries(
    Object.entries(gradient).map(([name, g]) => {
      const constant = stopGradient(g);
      return [name, tf.add(constant, tf.mul(flow, tf.sub(g, constant)))];
    }),
  );
}
