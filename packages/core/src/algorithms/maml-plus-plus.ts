import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { adapt } from "../adapt.ts";
import { lossOf, lossScale } from "../losses.ts";
import type { ApplyOptions, NormStatistics, ParamSpec, Params } from "../model.ts";
import {
  type Adapted,
  type Algorithm,
  type AlgorithmContext,
  defineAlgorithm,
  type Schedule,
} from "./algorithm.ts";
import { checkInnerLoop, describeInnerLoop, fixedOf, innerLoopFields } from "./inner-loop.ts";
import { multiStepWeights } from "./multi-step-loss.ts";
import { layerOf, perStep, rowOf } from "./per-step-params.ts";
import { runningStatistics, type SeenStatistics } from "./running-statistics.ts";

const schema = z.strictObject({
  type: z.literal("maml++"),
  ...innerLoopFields,
  /** Meta-steps over which the loss moves from all inner steps to the last one; 0: the last one alone. */
  multiStepLossSteps: z.int().min(0),
  /** Meta-steps of first order at the beginning; 0: second order throughout. */
  firstOrderSteps: z.int().min(0),
  /** A rate for every layer and inner step, which starts at `innerRate` and is learned. */
  learnedRates: z.boolean(),
  /** Batch norm's scales and shifts for every inner step, learned by the outer step alone. */
  perStepNormWeights: z.boolean(),
  /** Batch norm's running statistics for every inner step, for inductive evaluation. */
  perStepStatistics: z.boolean(),
});

type Config = z.infer<typeof schema>;

/**
 * MAML++: MAML with six parts that make it stable, each a switch; without any it is MAML.
 *
 * The sixth, the cosine of the outer rate, is `outer.schedule`. Pass number `k` of the inner loop (from 0) on
 * the support set and the pass over the query set after the step belong to the same row of whatever there is
 * for each step, as in the authors' code. One graph serves all meta-steps: the weights of the losses and the
 * order of the derivatives are inputs.
 *
 * @see Antoniou et al. 2019, https://arxiv.org/abs/1810.09502
 */
export const mamlPlusPlus = defineAlgorithm({
  name: "maml++",
  schema,
  defaults: {
    innerSteps: 5,
    innerRate: 0.1,
    lossReduction: "mean",
    multiStepLossSteps: 5000,
    firstOrderSteps: 0,
    learnedRates: true,
    perStepNormWeights: true,
    perStepStatistics: true,
  },
  inherited: [],
  companions: {
    outer: { schedule: { type: "cosine", final: 1e-5 } },
    evaluation: { innerSteps: 5 },
  },
  describe(config) {
    const parts = [
      config.multiStepLossSteps > 0 ? ["multi-step loss"] : [],
      config.firstOrderSteps > 0 ? ["first order at first"] : [],
      config.learnedRates ? ["learned rates"] : [],
      config.perStepNormWeights || config.perStepStatistics ? ["batch norm per step"] : [],
    ].flat();
    return `MAML++ (${parts.length === 0 ? "no part of it" : parts.join(", ")}), ${describeInnerLoop(config)}`;
  },
  check: checkInnerLoop,
  create,
});

function create(config: Config, { model, problem }: AlgorithmContext): Algorithm {
  const { innerSteps, innerRate, lossReduction, learnedRates, perStepNormWeights } = config;
  const { multiStepLossSteps, firstOrderSteps } = config;
  const scale = lossScale(problem, lossReduction);
  const weights = perStepNormWeights ? model.params.filter(({ part }) => part === "norm") : [];
  const shared = model.params.filter((param) => !weights.includes(param));
  const running = config.perStepStatistics ? runningStatistics(model.layers ?? [], innerSteps) : null;
  const params: readonly ParamSpec[] = [
    ...model.params.map((param) =>
      weights.includes(param) ? { ...param, shape: [innerSteps, ...param.shape], adapted: false } : param,
    ),
    ...(learnedRates ? ratesOf(shared, innerRate, innerSteps) : []),
    ...(running?.params ?? []),
  ];
  const fixed = fixedOf(params);
  const rate = (meta: Params) =>
    learnedRates ? (name: string, step: number): tf.Tensor => rowOf(meta[rateOf(name)]!, step) : innerRate;
  /** The model with the row of `step` of all that it has for each step. */
  const apply = (p: Params, x: tf.Tensor, step: number, options?: ApplyOptions): tf.Tensor => {
    const rows = weights.map(({ name }) => [name, rowOf(p[name]!, step)]);
    return model.apply({ ...p, ...Object.fromEntries(rows) }, x, options);
  };
  const meanLoss = (outputs: tf.Tensor, y: tf.Tensor): tf.Tensor =>
    tf.mul(lossOf(problem, outputs, y), scale);
  return {
    params,
    ...(multiStepLossSteps > 0 || firstOrderSteps > 0 ? { schedule: scheduleOf(config) } : {}),
    objective(initial, { support, query }, { lossWeights, secondOrder = 2 as const }) {
      const seen = Array.from({ length: innerSteps }, (): SeenStatistics[] => []);
      /** A pass in training, whose batch statistics count for `step`. */
      const pass = (p: Params, x: tf.Tensor, step: number): tf.Tensor => {
        if (running === null) return apply(p, x, step);
        const { statistics, kept } = keepStatistics();
        seen[step]!.push(kept);
        return apply(p, x, step, { statistics });
      };
      const path = adapt((p, step) => meanLoss(pass(p, support.x, step), support.y), initial, {
        steps: innerSteps,
        rate: rate(initial),
        order: secondOrder,
        fixed,
      });
      const queried = lossWeights === undefined ? [innerSteps] : path.slice(1).map((_, i) => i + 1);
      const outputs = queried.map((k) => pass(path[k]!, query.x, k - 1));
      const losses = outputs.map((each) => meanLoss(each, query.y));
      const loss = lossWeights === undefined ? losses[0]! : tf.sum(tf.mul(lossWeights, tf.stack(losses)));
      return {
        value: running === null ? loss : tf.add(loss, running.objective(initial, seen)),
        outputs: outputs.at(-1)!,
      };
    },
    adapt(initial, support, steps) {
      const path = adapt((p, step) => meanLoss(apply(p, support.x, step), support.y), initial, {
        steps,
        rate: rate(initial),
        order: 1,
        fixed,
      });
      return path.map((adapted, k): Adapted => {
        const step = Math.min(Math.max(k - 1, 0), innerSteps - 1);
        return {
          params: adapted,
          predict: (x, options) =>
            apply(
              adapted,
              x,
              step,
              running === null || options?.statistics === undefined
                ? options
                : // Inductive: by the means of training, which know nothing of this task.
                  { ...options, statistics: (layer) => running.at(adapted, layer, step) },
            ),
        };
      });
    },
  };
}

/** A rate for every step of each layer that adapts. */
function ratesOf(params: readonly ParamSpec[], rate: number, steps: number): readonly ParamSpec[] {
  const names = new Set(params.flatMap(({ name, adapted }) => (adapted ? [rateOf(name)] : [])));
  return [...names].map((name) => perStep(name, [], rate, steps));
}

function rateOf(param: string): string {
  return `rate.${layerOf(param)}`;
}

function scheduleOf({ innerSteps, multiStepLossSteps, firstOrderSteps }: Config): Schedule {
  return {
    shapes: {
      ...(multiStepLossSteps > 0 ? { lossWeights: [innerSteps] } : {}),
      ...(firstOrderSteps > 0 ? { secondOrder: [] } : {}),
    },
    at: (version) => ({
      lossWeights: multiStepWeights(version, innerSteps, multiStepLossSteps),
      secondOrder: [version < firstOrderSteps ? 0 : 1],
    }),
  };
}

/** An observer of batch statistics, and where it keeps them. */
function keepStatistics() {
  const kept = new Map<string, NormStatistics>();
  const statistics = (layer: string, batch: NormStatistics): NormStatistics => {
    kept.set(layer, batch);
    return batch;
  };
  return { statistics, kept };
}
