import { type TensorSpec, valueAndGradWithAux, vmap } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { adapt } from "./adapt.ts";
import { createModel } from "./create-model.ts";
import type { Experiment } from "./experiment.ts";
import { initialize } from "./initialize.ts";
import { accuracy, lossOf, lossScale } from "./losses.ts";
import type { Model, Params } from "./model.ts";
import { layoutParams, type ParamLayout } from "./outer/param-layout.ts";
import type { EpisodeSpec, ExamplesSpec, Problem, Split, TaskSource } from "./task-source.ts";

/** What a leaf program needs to know of a task source: no data. */
export type TaskShapes = Pick<TaskSource, "problem" | "spec">;

export interface LeafExamples {
  /** float32 `[tasksPerLeaf, n, ...example]` */
  readonly x: tf.Tensor;
  /** int32 `[tasksPerLeaf, n]` or float32 `[tasksPerLeaf, n, outputs]` */
  readonly y: tf.Tensor;
}

export interface LeafEpisodes {
  readonly support: LeafExamples;
  readonly query: LeafExamples;
}

/** A type, not an interface: a tree of tensors has an index signature. */
export type LeafResult = {
  /** float32 `[tasksPerLeaf, statNames.length]` */
  readonly stats: tf.Tensor;
  /** Sum of the tasks' meta-gradients, for `train`. */
  readonly gradient?: Params;
};

type ExampleTensors<T> = { readonly x: T; readonly y: T };
type EpisodeTensors<T> = { readonly support: ExampleTensors<T>; readonly query: ExampleTensors<T> };

/** The function of one leaf, ready for `capture(program.fn, ...program.specs)`. */
export interface LeafProgram {
  readonly kind: "train" | "evaluate";
  readonly statNames: readonly string[];
  readonly layout: ParamLayout;
  readonly specs: readonly [{ readonly [name: string]: TensorSpec }, EpisodeTensors<TensorSpec>];
  fn(params: Params, episodes: LeafEpisodes): LeafResult;
}

/**
 * Meta-training: adapt to each task's support set, and the gradient of the summed query losses.
 *
 * The gradient carries the experiment's loss reduction (mean, or the authors' sum over ways), in the
 * inner and the outer loss alike; the statistics are means per example.
 *
 * @see Finn et al. 2017, Algorithm 2
 */
export function trainProgram(experiment: Experiment, source: TaskShapes): LeafProgram {
  const { algorithm } = experiment;
  const { problem, model, fixed, statNames, ...shapes } = prepare(experiment, source, "train");
  const scale = lossScale(problem, algorithm.lossReduction);
  return {
    ...shapes,
    kind: "train",
    statNames: statNames(["loss", "accuracy"]),
    fn(params, episodes) {
      const { gradient, aux } = valueAndGradWithAux((initial: Params) => {
        const stats = eachTask(episodes, experiment.tasksPerLeaf, (support, query) => {
          const supportLoss = (p: Params): tf.Tensor =>
            tf.mul(lossOf(problem, model.apply(p, support.x), support.y), scale);
          const path = adapt(supportLoss, initial, {
            steps: algorithm.innerSteps,
            rate: algorithm.innerRate,
            order: algorithm.order,
            fixed,
          });
          return tf.stack([...measure(problem, model.apply(path.at(-1)!, query.x), query.y)]);
        });
        const losses = tf.slice(stats, [0, 0], [experiment.tasksPerLeaf, 1]);
        return { value: tf.mul(tf.sum(losses), scale), aux: stats };
      })(params);
      return { stats: aux, gradient };
    },
  };
}

/** Meta-testing: loss and accuracy on the query set before adaptation and after each inner step. */
export function evaluateProgram(experiment: Experiment, source: TaskShapes, split: Split): LeafProgram {
  const { algorithm } = experiment;
  const { problem, model, fixed, statNames, ...shapes } = prepare(experiment, source, split);
  const scale = lossScale(problem, algorithm.lossReduction);
  const steps = experiment.evaluation.innerSteps;
  const afterStep = Array.from({ length: steps + 1 }, (_, step) => step);
  return {
    ...shapes,
    kind: "evaluate",
    statNames: statNames(["loss", "accuracy"]).flatMap((name) => afterStep.map((step) => `${name}@${step}`)),
    fn(params, episodes) {
      const stats = eachTask(episodes, experiment.tasksPerLeaf, (support, query) => {
        const supportLoss = (p: Params): tf.Tensor =>
          tf.mul(lossOf(problem, model.apply(p, support.x), support.y), scale);
        const path = adapt(supportLoss, params, { steps, rate: algorithm.innerRate, order: 1, fixed });
        const measured = path.map((adapted) => measure(problem, model.apply(adapted, query.x), query.y));
        return tf.stack(measured[0]!.flatMap((_, stat) => measured.map((one) => one[stat]!)));
      });
      return { stats };
    },
  };
}

/** Where each named parameter lies in the flat vector. */
export function modelLayout(experiment: Experiment, source: TaskShapes): ParamLayout {
  return layoutParams(createModel(experiment.model, source.problem, source.spec("train")).params);
}

/** The initial parameters: a function of the experiment's seed and model alone. */
export function initialParams(experiment: Experiment, source: TaskShapes): Float32Array {
  return initialize(
    createModel(experiment.model, source.problem, source.spec("train")).params,
    experiment.seed,
  );
}

interface Prepared extends Pick<LeafProgram, "layout" | "specs"> {
  readonly problem: Problem;
  readonly model: Model;
  /** Names of the parameters that the inner loop leaves alone. */
  readonly fixed: ReadonlySet<string>;
  /** Leaves out the accuracy of a regression. */
  statNames(names: readonly string[]): string[];
}

function prepare(experiment: Experiment, source: TaskShapes, split: Split): Prepared {
  const { problem } = source;
  const episode = source.spec(split);
  const model = createModel(experiment.model, problem, episode);
  const specs = Object.fromEntries(
    model.params.map(({ name, shape }): [string, TensorSpec] => [name, { shape, dtype: "float32" }]),
  );
  return {
    problem,
    model,
    fixed: new Set(model.params.filter(({ adapted }) => !adapted).map(({ name }) => name)),
    layout: layoutParams(model.params),
    specs: [specs, stackedSpec(episode, experiment.tasksPerLeaf)],
    statNames: (names) => names.filter((name) => name !== "accuracy" || problem.type === "classification"),
  };
}

function stackedSpec({ support, query }: EpisodeSpec, tasks: number): EpisodeTensors<TensorSpec> {
  const stacked = ({ x, y }: ExamplesSpec): ExampleTensors<TensorSpec> => ({
    x: { shape: [tasks, ...x.shape], dtype: x.dtype },
    y: { shape: [tasks, ...y.shape], dtype: y.dtype },
  });
  return { support: stacked(support), query: stacked(query) };
}

/** The statistics `[tasks, stats]` of a leaf: `task` for its only task, or mapped over all of them. */
function eachTask(
  { support, query }: LeafEpisodes,
  tasks: number,
  task: (support: LeafExamples, query: LeafExamples) => tf.Tensor,
): tf.Tensor {
  if (tasks > 1) {
    return vmap((s: ExampleTensors<tf.Tensor>, q: ExampleTensors<tf.Tensor>) => task(s, q), [0, 0])(
      support,
      query,
    );
  }
  const only = ({ x, y }: LeafExamples): LeafExamples => ({
    x: tf.reshape(x, x.shape.slice(1)),
    y: tf.reshape(y, y.shape.slice(1)),
  });
  return tf.expandDims(task(only(support), only(query)), 0);
}

/** Mean loss per example and, for classification, accuracy: scalars. */
function measure(problem: Problem, outputs: tf.Tensor, y: tf.Tensor): readonly tf.Tensor[] {
  const loss = lossOf(problem, outputs, y);
  return problem.type === "classification" ? [loss, accuracy(outputs, y)] : [loss];
}
