/** What a step before the last one weighs at the least while the weights are annealed, in shares of 1 / steps. */
const LEAST = 0.03;

/**
 * Weights of the query losses after each inner step in MAML++'s multi-step loss: equal at first, and moving
 * to the last step in a line; after `length` meta-steps, the last step's loss alone.
 *
 * As in the authors' code, but for the line: theirs goes by epochs of 500 meta-steps, this one by meta-steps.
 *
 * @param version committed meta-steps
 * @param steps inner steps, >= 1
 * @param length meta-steps of the annealing; 0: the last step's loss alone
 * @returns `steps` weights, which sum to 1
 * @see Antoniou et al. 2019, section 4, "Gradient Instability -> Multi-Step Loss Optimization"
 */
export function multiStepWeights(version: number, steps: number, length: number): readonly number[] {
  if (version >= length) return Array.from({ length: steps }, (_, i) => (i === steps - 1 ? 1 : 0));
  const each = Math.max(1 - version / length, LEAST) / steps;
  return Array.from({ length: steps }, (_, i) => (i === steps - 1 ? 1 - (steps - 1) * each : each));
}
