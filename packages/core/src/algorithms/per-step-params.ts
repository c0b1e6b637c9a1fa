import * as tf from "@tensorflow/tfjs-core";
import type { ParamSpec } from "../model.ts";

/**
 * Parameters that exist once for every inner step, as rows of one tensor: learned rates, batch norm's weights
 * and running statistics. A step beyond the last row takes the last row.
 */

/** A row of `shape` for each step, all `value` at first; the inner loop leaves them alone. */
export function perStep(name: string, shape: readonly number[], value: number, steps: number): ParamSpec {
  return { name, shape: [steps, ...shape], initial: { type: "constant", value }, adapted: false };
}

/** Row `step` (from 0). */
export function rowOf(param: tf.Tensor, step: number): tf.Tensor {
  const [rows = 1, ...shape] = param.shape;
  const first = [Math.min(step, rows - 1), ...shape.map(() => 0)];
  return tf.reshape(tf.slice(param, first, [1, ...shape]), shape);
}

/** The layer that a parameter belongs to: `conv1` of `conv1.weights`, `dense/1` of `dense/1/kernel`. */
export function layerOf(param: string): string {
  const end = Math.max(param.lastIndexOf("."), param.lastIndexOf("/"));
  return end < 0 ? param : param.slice(0, end);
}
