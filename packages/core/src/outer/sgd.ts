import type { Optimizer } from "./optimizer.ts";

/** Gradient descent: `update = -rate * gradient`. */
export function sgd({ rate }: { readonly rate: number }): Optimizer {
  return {
    init: () => ({ step: 0, vectors: {} }),
    update: (gradient, state) => ({
      update: gradient.map((g) => -rate * g),
      state: { step: state.step + 1, vectors: {} },
    }),
  };
}
