import type { Split } from "@shoal/core";
import { createRandom } from "@shoal/core/outer";
import { splitIndex, stream } from "../streams.ts";

/** What decides an episode of a mixture, before its source draws it. */
export interface MixtureRecipe {
  readonly seed: number;
  /** Of each source, > 0; it is drawn in proportion. */
  readonly weights: readonly number[];
  /** How many shapes (ways and shots) there are, all equally likely. */
  readonly shapeCount: number;
  /** Consecutive episodes with the same shape: those of a leaf, which one graph computes. */
  readonly tasksPerLeaf: number;
}

/** The source of episode `index` of `split`, by its place: a pure function of the recipe and the two. */
export function drawSource({ seed, weights }: MixtureRecipe, split: Split, index: number): number {
  const random = createRandom(seed, stream.mixtureSource, splitIndex[split], index);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let rest = random.uniform() * total;
  for (const [place, weight] of weights.entries()) {
    if (rest < weight) return place;
    rest -= weight;
  }
  // Rounding may leave a rest of the last weight.
  return weights.length - 1;
}

/** The shape of episode `index` of `split`, which is that of its whole leaf. */
export function drawShape(
  { seed, shapeCount, tasksPerLeaf }: MixtureRecipe,
  split: Split,
  index: number,
): number {
  const leaf = Math.floor(index / tasksPerLeaf);
  return createRandom(seed, stream.mixtureShape, splitIndex[split], leaf).int(shapeCount);
}
