import type * as tf from "@tensorflow/tfjs-core";
import type { Initializer } from "./initialize.ts";
import type { OuterRule } from "./outer/param-layout.ts";

/** Named float32 tensors. */
export type Params = { readonly [name: string]: tf.Tensor };

export interface ParamSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initializer;
  /** The inner loop adapts it; otherwise only the outer optimizer moves it. */
  readonly adapted: boolean;
  /**
   * `head`: of the last layer, which turns features into outputs. `norm`: scale or shift of a batch norm.
   * Default: of the body.
   */
  readonly part?: "head" | "norm";
  /** Who moves it in the outer step, if not the experiment's optimizer. */
  readonly outer?: OuterRule;
}

/** Mean and (biased) variance of a batch-norm layer's input over the batch: float32 `[channels]` each. */
export interface NormStatistics {
  readonly mean: tf.Tensor;
  readonly variance: tf.Tensor;
}

export interface ApplyOptions {
  /**
   * Called once per batch-norm layer, in order, with the statistics of the batch; returns those to normalize
   * with. Default: the batch's. It may keep them: running means, or the support set's for the query set.
   */
  readonly statistics?: (layer: string, batch: NormStatistics) => NormStatistics;
  /**
   * By the name of a layer in `Model.layers`: what becomes of its values before they pass the ReLU, after
   * batch norm and pooling; float32 `[n, ..., features]` to the same shape.
   */
  readonly condition?: { readonly [layer: string]: (values: tf.Tensor) => tf.Tensor };
}

/** A layer whose values can be conditioned on something that is not an input: see `ApplyOptions`. */
export interface ModelLayer {
  readonly name: string;
  readonly type: "dense" | "convolution";
  /** Values per example or pixel that come in and go out. */
  readonly inputs: number;
  readonly features: number;
  /** A batch norm follows it, under the same name. */
  readonly isNormalized: boolean;
}

/** A function from parameters and inputs to outputs, in TensorFlow.js ops, without state. */
export interface Model {
  readonly params: readonly ParamSpec[];
  /** Those that can be conditioned, from the input on. Default: none. */
  readonly layers?: readonly ModelLayer[];
  /**
   * @param x float32 `[n, ...example]`
   * @returns float32 `[n, outputs]`: logits for classification, predictions for regression
   */
  apply(params: Params, x: tf.Tensor, options?: ApplyOptions): tf.Tensor;
  /** What the head sees, float32 `[n, features]`; reads no parameter of the head. */
  embed?(params: Params, x: tf.Tensor, options?: ApplyOptions): tf.Tensor;
}
