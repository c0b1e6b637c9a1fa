import type { TensorSpec } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { Adapted, TaskExamples } from "./algorithms/algorithm.ts";
import { type AlgorithmExperiment, createAlgorithm } from "./create-algorithm.ts";
import type { TaskShapes } from "./leaf-program.ts";
import type { Params } from "./model.ts";
import { layoutParams, type ParamLayout } from "./outer/param-layout.ts";
import { predictInductively } from "./predict-inductively.ts";
import type { EpisodeSpec, ExamplesSpec, Problem } from "./task-source.ts";

export interface AdaptProgramOptions {
  /** Inner steps, >= 1; 0 for an algorithm without an inner loop. */
  readonly steps: number;
  /** Whose statistics batch norm takes for the queries: their own, or the support set's. */
  readonly batchNorm: "transductive" | "inductive";
}

/** Predictions for the queries of one task. A type, not an interface: a tree of tensors. */
export type AdaptedPredictions =
  /** float32 `[queries, classes]`, and the most probable class: int32 `[queries]`. */
  | { readonly probabilities: tf.Tensor; readonly predictions: tf.Tensor }
  /** float32 `[queries, outputs]`. */
  | { readonly predictions: tf.Tensor };

/** What adaptation does at one task, as `inspectProgram` tells it. */
type Inspected = {
  /** Before the first step: float32 `[queries, classes or outputs]`. */
  readonly before: tf.Tensor;
  /** After the last one. */
  readonly after: tf.Tensor;
  /** By parameter that adaptation moves: its L2 norm before, and that of its change; float32 `[2]`. */
  readonly moved: Params;
};

/** A function of the parameters and one task, ready for `capture(program.fn, ...program.specs)`. */
export interface AdaptProgram<Result> {
  readonly layout: ParamLayout;
  /** Of the parameters in layout order, of the support set, and of the queries. */
  readonly specs: readonly [NamedSpecs, { readonly x: TensorSpec; readonly y: TensorSpec }, TensorSpec];
  fn(params: Params, support: TaskExamples, x: tf.Tensor): Result;
}

type NamedSpecs = { readonly [name: string]: TensorSpec };

/**
 * Adapts to one task's support set and predicts its queries: a learner in use, without labels of the queries.
 *
 * @throws {ShoalError} E_EXPERIMENT if the model cannot take such examples, or the algorithm such tasks
 */
export function predictProgram(
  experiment: AlgorithmExperiment,
  shapes: TaskShapes,
  options: AdaptProgramOptions,
): AdaptProgram<AdaptedPredictions> {
  const { learnersOf, predictionsOf, ...program } = prepare(experiment, shapes, options);
  return {
    ...program,
    fn(params, support, x) {
      const outputs = predictionsOf(learnersOf(params, support).at(-1)!, support, x);
      if (shapes.problem.type === "regression") return { predictions: outputs };
      return { probabilities: outputs, predictions: tf.argMax(outputs, 1) };
    },
  };
}

/** The predictions for one task's queries before adaptation and after, and what it moved. */
export function inspectProgram(
  experiment: AlgorithmExperiment,
  shapes: TaskShapes,
  options: AdaptProgramOptions,
): AdaptProgram<Inspected> {
  const { learnersOf, predictionsOf, ...program } = prepare(experiment, shapes, options);
  return {
    ...program,
    fn(params, support, x) {
      const learners = learnersOf(params, support);
      const [before, after] = [learners[0]!.params, learners.at(-1)!.params];
      const moved = Object.keys(after)
        // What adaptation leaves alone is the very tensor that came in.
        .filter((name) => after[name] !== before[name])
        .map((name) => {
          const change = tf.sub(after[name]!, before[name]!);
          return [name, tf.stack([norm(before[name]!), norm(change)])];
        });
      return {
        before: predictionsOf(learners[0]!, support, x),
        after: predictionsOf(learners.at(-1)!, support, x),
        moved: Object.fromEntries(moved) as Params,
      };
    },
  };
}

/** The shapes of tasks with so many examples, for programs that need no data. */
export function taskShapes(
  problem: Problem,
  example: readonly number[],
  examples: { readonly support: number; readonly query: number },
): TaskShapes {
  const of = (count: number): ExamplesSpec => ({
    x: { shape: [count, ...example], dtype: "float32" },
    y:
      problem.type === "regression"
        ? { shape: [count, problem.outputs], dtype: "float32" }
        : { shape: [count], dtype: "int32" },
  });
  const episode: EpisodeSpec = { support: of(examples.support), query: of(examples.query) };
  return { problem, spec: () => episode };
}

function prepare(
  experiment: AlgorithmExperiment,
  shapes: TaskShapes,
  { steps, batchNorm }: AdaptProgramOptions,
) {
  const algorithm = createAlgorithm(experiment, shapes, "test");
  const { support, query } = shapes.spec("test");
  const params = algorithm.params.map(({ name, shape }): [string, TensorSpec] => [
    name,
    { shape, dtype: "float32" },
  ]);
  const specs: AdaptProgram<unknown>["specs"] = [Object.fromEntries(params), support, query.x];
  return {
    layout: layoutParams(algorithm.params),
    specs,
    learnersOf: (values: Params, examples: TaskExamples) => algorithm.adapt(values, examples, steps),
    predictionsOf(learner: Adapted, examples: TaskExamples, x: tf.Tensor): tf.Tensor {
      const outputs =
        batchNorm === "inductive" ? predictInductively(learner, examples, x) : learner.predict(x);
      switch (shapes.problem.type) {
        case "classification":
          return tf.softmax(outputs);
        case "binary":
          // Of the two classes' logits 0 and z, as the loss has them.
          return tf.softmax(tf.concat([tf.zerosLike(outputs), outputs], 1));
        case "regression":
          return outputs;
      }
    },
  };
}

/** L2 norm of all elements. */
function norm(x: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(x)));
}
