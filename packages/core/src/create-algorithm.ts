import * as tf from "@tensorflow/tfjs-core";
import type { Algorithm } from "./algorithms/algorithm.ts";
import { algorithmOf } from "./algorithms/registry.ts";
import { createModel } from "./create-model.ts";
import type { Experiment } from "./experiment.ts";
import type { Model } from "./model.ts";
import { outputsOf, type Problem, problemOf, type Split, type TaskSource } from "./task-source.ts";

/** What an algorithm and its model are made of. */
export type AlgorithmExperiment = Pick<Experiment, "model" | "algorithm" | "seed">;

/**
 * The algorithm that an experiment names, with its model, for the episodes of a split.
 *
 * @throws {ShoalError} E_EXPERIMENT if the model cannot take such examples, or the algorithm such a model
 */
export function createAlgorithm(
  experiment: AlgorithmExperiment,
  source: Pick<TaskSource, "problem" | "spec" | "identities">,
  split: Split,
): Algorithm {
  const { identities } = source;
  const episode = source.spec(split);
  const problem = problemOf(source.problem, episode);
  const model = withWays(createModel(experiment.model, source.problem, episode), source.problem, problem);
  const { seed, algorithm } = experiment;
  return algorithmOf(algorithm).create(algorithm, { model, problem, episode, identities, seed });
}

/**
 * A model of the problem's ways in episodes with fewer: the first outputs of its head, so that a class of such an
 * episode is one of those.
 */
function withWays(model: Model, problem: Problem, ofEpisode: Problem): Model {
  const ways = outputsOf(ofEpisode);
  if (ways >= outputsOf(problem)) return model;
  return {
    ...model,
    apply(params, x, options) {
      const outputs = model.apply(params, x, options);
      return tf.slice(outputs, [0, 0], [outputs.shape[0]!, ways]);
    },
  };
}
