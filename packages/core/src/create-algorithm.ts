import type { Algorithm } from "./algorithms/algorithm.ts";
import { algorithmOf } from "./algorithms/registry.ts";
import { createModel } from "./create-model.ts";
import type { Experiment } from "./experiment.ts";
import type { Split, TaskSource } from "./task-source.ts";

/** What an algorithm and its model are made of. */
export type AlgorithmExperiment = Pick<Experiment, "model" | "algorithm" | "seed">;

/**
 * The algorithm that an experiment names, with its model, for the episodes of a split.
 *
 * @throws {ShoalError} E_EXPERIMENT if the model cannot take such examples, or the algorithm such a model
 */
export function createAlgorithm(
  experiment: AlgorithmExperiment,
  { problem, spec, identities }: Pick<TaskSource, "problem" | "spec" | "identities">,
  split: Split,
): Algorithm {
  const episode = spec(split);
  const model = createModel(experiment.model, problem, episode);
  const { seed, algorithm } = experiment;
  return algorithmOf(algorithm).create(algorithm, { model, problem, episode, identities, seed });
}
