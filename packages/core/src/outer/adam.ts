import type { Optimizer, OptimizerState } from "./optimizer.ts";

export interface AdamConfig {
  readonly rate: number;
  /** Decay of the gradient's mean, 0 <= beta1 < 1. */
  readonly beta1: number;
  /** Decay of the gradient's mean square, 0 <= beta2 < 1. */
  readonly beta2: number;
  readonly epsilon: number;
}

/**
 * Adam, with the bias corrections of the paper's Algorithm 1 and epsilon outside of the root.
 *
 * A gradient times a constant gives the same update, up to epsilon: the scale of the outer loss is free.
 *
 *     m = beta1 m + (1 - beta1) g          v = beta2 v + (1 - beta2) g^2
 *     update = -rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * @see Kingma and Ba 2015, https://arxiv.org/abs/1412.6980
 */
export function adam({ rate, beta1, beta2, epsilon }: AdamConfig): Optimizer {
  return {
    init: (size) => ({
      step: 0,
      vectors: { mean: new Float32Array(size), meanSquare: new Float32Array(size) },
    }),
    update(gradient, state) {
      const step = state.step + 1;
      const mean = copyVector(state, "mean", gradient.length);
      const meanSquare = copyVector(state, "meanSquare", gradient.length);
      const update = new Float32Array(gradient.length);
      // Powers by repeated multiplication: Math.pow may round differently from engine to engine.
      const meanScale = 1 / (1 - power(beta1, step));
      const squareScale = 1 / (1 - power(beta2, step));
      for (let i = 0; i < gradient.length; i++) {
        const g = gradient[i]!;
        mean[i] = beta1 * mean[i]! + (1 - beta1) * g;
        meanSquare[i] = beta2 * meanSquare[i]! + (1 - beta2) * g * g;
        update[i] = (-rate * mean[i]! * meanScale) / (Math.sqrt(meanSquare[i]! * squareScale) + epsilon);
      }
      return { update, state: { step, vectors: { mean, meanSquare } } };
    },
  };
}

function copyVector(state: OptimizerState, name: string, size: number): Float32Array {
  const vector = state.vectors[name];
  if (vector?.length !== size) {
    throw new RangeError(`adam: state.${name}: expected ${size} floats, got ${vector?.length ?? "none"}`);
  }
  return vector.slice();
}

/** `base^exponent` for a whole exponent, by squaring: correctly rounded products in a fixed order. */
function power(base: number, exponent: number): number {
  let [result, square] = [1, base];
  for (let n = exponent; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
