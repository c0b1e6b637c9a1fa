import { layoutParams } from "@shoal/core/outer";
import type { Checkpoint } from "../checkpoint.ts";

export const smallLayout = layoutParams([
  { name: "dense.weights", shape: [2, 2] },
  { name: "dense.bias", shape: [2] },
]);

/** A checkpoint whose floats tell its step, with those that text formats get wrong. */
export function smallCheckpoint(step: number): Checkpoint {
  const params = Float32Array.of(step, -0, 1e-45, 3.4028235e38, 0.1, -1 / 3);
  return {
    runId: "run-1",
    step,
    params,
    optimizer: {
      step,
      vectors: { mean: params.map((x) => x / 2), variance: params.map((x) => x * x * 0.5) },
    },
    layout: smallLayout,
    dataHash: "d".repeat(64),
    experiment: { name: "small", seed: 7, model: { layers: [1, 2], rate: 0.001 } },
  };
}
