import type * as tf from "@tensorflow/tfjs-core";
import type { Initializer } from "./initialize.ts";

/** Named float32 tensors. */
export type Params = { readonly [name: string]: tf.Tensor };

export interface ParamSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initializer;
  /** The inner loop adapts it; otherwise only the outer optimizer moves it. */
  readonly adapted: boolean;
}

/** A function from parameters and inputs to outputs, in TensorFlow.js ops, without state. */
export interface Model {
  readonly params: readonly ParamSpec[];
  /**
   * @param x float32 `[n, ...example]`
   * @returns float32 `[n, outputs]`: logits for classification, predictions for regression
   */
  apply(params: Params, x: tf.Tensor): tf.Tensor;
}
