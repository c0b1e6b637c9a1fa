import { stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { ModelLayer, NormStatistics, ParamSpec, Params } from "../model.ts";
import { perStep, rowOf } from "./per-step-params.ts";

/** Share of a running mean that stays with each meta-step, as in the authors' code (momentum 0.1). */
const DECAY = 0.9;

/** The statistics that the batch-norm layers saw, by layer. */
export type SeenStatistics = ReadonlyMap<string, NormStatistics>;

/** Statistics of every batch-norm layer for each inner step: running means over the tasks of training. */
export interface RunningStatistics {
  readonly params: readonly ParamSpec[];
  /** Those of a layer for a step, from 0. */
  at(params: Params, layer: string, step: number): NormStatistics;
  /**
   * Scalar whose gradient moves the running means towards what the passes of each step have seen:
   *
   *     d / d running = (1 - decay) (running - mean of the passes)
   *
   * and the outer step subtracts just that.
   */
  objective(params: Params, seen: readonly (readonly SeenStatistics[])[]): tf.Tensor;
}

/**
 * The running statistics of MAML++, per step instead of one for all of them.
 *
 * @see Antoniou et al. 2019, section 4, "Per-Step Batch Normalization Running Statistics (BNRS)"
 */
export function runningStatistics(layers: readonly ModelLayer[], steps: number): RunningStatistics {
  const normalized = layers.filter(({ isNormalized }) => isNormalized);
  const entries = normalized.flatMap(({ name, features }) =>
    (["mean", "variance"] as const).map((moment) => ({ layer: name, moment, features })),
  );
  const nameOf = (layer: string, moment: keyof NormStatistics): string => `running.${layer}.${moment}`;
  return {
    params: entries.map(({ layer, moment, features }) => ({
      ...perStep(nameOf(layer, moment), [features], moment === "mean" ? 0 : 1, steps),
      outer: { type: "plain", rate: 1 },
    })),
    at: (params, layer, step) => ({
      mean: rowOf(params[nameOf(layer, "mean")]!, step),
      variance: rowOf(params[nameOf(layer, "variance")]!, step),
    }),
    objective(params, seen) {
      const terms = entries.map(({ layer, moment }) => {
        const running = params[nameOf(layer, moment)]!;
        const rows = seen.map((passes) => {
          const moments = passes.map((pass) => pass.get(layer)![moment]);
          return tf.mul(tf.addN(moments), 1 / moments.length);
        });
        const way = stopGradient(tf.mul(1 - DECAY, tf.sub(running, tf.stack(rows))));
        return tf.sum(tf.mul(running, way));
      });
      return terms.length === 0 ? tf.scalar(0) : tf.addN(terms);
    },
  };
}
