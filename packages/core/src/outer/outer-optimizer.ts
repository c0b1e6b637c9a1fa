import { createOptimizer, type Optimizer, type OptimizerConfig } from "./optimizer.ts";
import type { ParamEntry, ParamLayout } from "./param-layout.ts";
import { type RateSchedule, rateAt } from "./rate-schedule.ts";
import { clip } from "./vector.ts";

/** The part of an experiment that says how a meta-gradient becomes a step. */
export interface OuterConfig {
  readonly outer: OptimizerConfig & { readonly schedule?: RateSchedule | undefined };
  /** Each element of the mean meta-gradient is clipped to +-clip; null: not clipped. */
  readonly clip: number | null;
  /** Steps of the whole run. */
  readonly steps: number;
}

/**
 * What takes the outer step: clips the mean meta-gradient, and moves each parameter by the experiment's
 * optimizer at the step's rate, or by the parameter's own rule.
 *
 * A pure function of gradient and state: a run that is resumed takes the steps that it would have taken.
 */
export function createOuterOptimizer(
  { outer, clip: bound, steps }: OuterConfig,
  layout: ParamLayout,
): Optimizer {
  const { schedule = { type: "constant" } } = outer;
  const plain = layout.entries.filter((entry) => entry.outer !== undefined);
  return {
    init: (size) => createOptimizer(outer).init(size),
    update(gradient, state) {
      const clipped = bound === null ? gradient : clip(gradient, bound);
      const rate = rateAt(outer.rate, schedule, state.step, steps);
      const result = createOptimizer({ ...outer, rate }).update(without(clipped, plain), state);
      for (const entry of plain) {
        const end = entry.offset + entry.size;
        for (let i = entry.offset; i < end; i++) result.update[i] = -entry.outer!.rate * gradient[i]!;
      }
      return result;
    },
  };
}

/** `gradient` with zeros at `entries`: what has a rule of its own leaves no trace in the optimizer's memory. */
function without(gradient: Float32Array, entries: readonly ParamEntry[]): Float32Array {
  if (entries.length === 0) return gradient;
  const rest = gradient.slice();
  for (const { offset, size } of entries) rest.fill(0, offset, offset + size);
  return rest;
}
