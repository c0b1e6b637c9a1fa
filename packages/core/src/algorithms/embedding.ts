import * as tf from "@tensorflow/tfjs-core";
import type { ApplyOptions, Model, ParamSpec, Params } from "../model.ts";
import { ShoalError } from "../outer/shoal-error.ts";
import type { Adapted, Algorithm, AlgorithmContext, Surroundings, TaskExamples } from "./algorithm.ts";

/**
 * Logits of queries by what they resemble among the embedded support examples.
 *
 * @param support float32 `[n, features]`
 * @param classes float32 `[n, ways]`, one-hot
 * @param queries float32 `[m, features]`
 * @returns float32 `[m, ways]`
 */
export type Compare = (support: tf.Tensor, classes: tf.Tensor, queries: tf.Tensor) => tf.Tensor;

/**
 * The algorithm of a metric-based learner: it embeds support and query examples and compares them. It has
 * no inner loop and no head, so its parameters fit any number of ways.
 *
 * Support and query set pass batch norm as one batch, as in the authors' code of prototypical networks;
 * with statistics given (inductive evaluation), both are normalized with those.
 *
 * @throws {ShoalError} E_EXPERIMENT if the tasks have no classes, or the model says nothing of its features
 */
export function embeddingAlgorithm(
  name: string,
  { model, problem }: Pick<AlgorithmContext, "model" | "problem">,
  compare: Compare,
  lossOfLogits: (logits: tf.Tensor, labels: tf.Tensor) => tf.Tensor,
): Algorithm {
  if (problem.type !== "classification") {
    throw new ShoalError(
      "E_EXPERIMENT",
      `algorithm: ${name} compares classes, and these tasks are ${problem.type}; take a data set with ways`,
    );
  }
  const embed = embedOf(name, model);
  const { ways } = problem;
  const predict = (
    params: Params,
    support: TaskExamples,
    x: tf.Tensor,
    options?: ApplyOptions,
  ): tf.Tensor => {
    const examples = support.x.shape[0]!;
    const classes = tf.cast(tf.oneHot(support.y as tf.Tensor1D, ways), "float32");
    if (options?.statistics !== undefined) {
      return compare(embed(params, support.x, options), classes, embed(params, x, options));
    }
    const both = embed(params, tf.concat([support.x, x], 0));
    const features = both.shape[1]!;
    const queries = x.shape[0]!;
    return compare(
      tf.slice(both, [0, 0], [examples, features]),
      classes,
      tf.slice(both, [examples, 0], [queries, features]),
    );
  };
  return {
    params: bodyOf(model.params),
    objective(params, { support, query }) {
      const outputs = predict(params, support, query.x);
      return { value: lossOfLogits(outputs, query.y), outputs };
    },
    adapt(params, support, steps) {
      const learner: Adapted = { params, predict: (x, options) => predict(params, support, x, options) };
      return Array.from({ length: steps + 1 }, () => learner);
    },
  };
}

/** A learner without an inner loop is measured once. */
export function checkNoInnerLoop(
  _: unknown,
  { evaluation }: Surroundings,
  fault: (path: string, message: string) => void,
): void {
  if (evaluation.innerSteps === 0) return;
  fault("evaluation.innerSteps", `expected 0 (it has no inner loop), got ${evaluation.innerSteps}`);
}

function bodyOf(params: readonly ParamSpec[]): readonly ParamSpec[] {
  return params.filter(({ part }) => part !== "head").map((param) => ({ ...param, adapted: false }));
}

function embedOf(name: string, model: Model): NonNullable<Model["embed"]> {
  if (model.embed !== undefined) return model.embed;
  throw new ShoalError(
    "E_EXPERIMENT",
    `algorithm: ${name} compares features, and the model gives none; give it an embed function`,
  );
}
