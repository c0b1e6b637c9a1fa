import { adam } from "./adam.ts";
import { sgd } from "./sgd.ts";

/** What an optimizer remembers between steps: plain data, stored in checkpoints as it is. */
export interface OptimizerState {
  /** Updates made so far. */
  readonly step: number;
  /** Named float32 vectors as long as the parameters; empty for an optimizer without memory. */
  readonly vectors: Readonly<Record<string, Float32Array>>;
}

/** A pure transform from gradients to updates, in the manner of optax. */
export interface Optimizer {
  /** The state before the first update of `size` parameters. */
  init(size: number): OptimizerState;
  /**
   * The update to add to the parameters, and the next state.
   *
   * Neither `gradient` nor `state` is changed; the caller owns what is returned. Intermediate values
   * are float64, and each result is rounded to float32 once.
   */
  update(
    gradient: Float32Array,
    state: OptimizerState,
  ): { readonly update: Float32Array; readonly state: OptimizerState };
}

export type OptimizerConfig =
  | { readonly type: "sgd"; readonly rate: number }
  | {
      readonly type: "adam";
      readonly rate: number;
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
    };

/** The outer optimizer that an experiment names. */
export function createOptimizer(config: OptimizerConfig): Optimizer {
  switch (config.type) {
    case "sgd":
      return sgd(config);
    case "adam":
      return adam(config);
  }
}
