import type * as tf from "@tensorflow/tfjs-core";

/** An op as people call it, with inputs to try it on. */
export interface PrimitiveCase {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly f: (...x: tf.Tensor[]) => tf.Tensor;
  /** Where the inputs lie; `positive` for log and the like. Default: distinct values around 0. */
  readonly domain?: "distinct" | "positive";
  /** Without this, the gradient is checked in every argument. */
  readonly differentiable?: false;
}
