import { type TensorSpec, valueAndGradWithAux, vmap } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { Adapted, Scheduled, Task, TaskExamples } from "./algorithms/algorithm.ts";
import { type AlgorithmExperiment, createAlgorithm } from "./create-algorithm.ts";
import type { Experiment } from "./experiment.ts";
import { initialize } from "./initialize.ts";
import { accuracyOf, lossOf } from "./losses.ts";
import type { Params } from "./model.ts";
import { layoutParams, type ParamLayout } from "./outer/param-layout.ts";
import { predictInductively } from "./predict-inductively.ts";
import {
  type EpisodeSpec,
  type ExamplesSpec,
  hasAccuracy,
  outputsOf,
  type Problem,
  problemOf,
  type Split,
  type TaskSource,
} from "./task-source.ts";

/** What a leaf program needs to know of a task source: no data. */
export type TaskShapes = Pick<TaskSource, "problem" | "spec" | "identities">;

/** The parts of an experiment that a leaf program is made of: its graph depends on nothing else. */
export interface LeafExperiment extends AlgorithmExperiment, Pick<Experiment, "tasksPerLeaf"> {
  readonly evaluation: Pick<Experiment["evaluation"], "innerSteps" | "batchNorm">;
}

/** The leaf's parts alone: experiments that agree in them, whatever their outer step, share graphs. */
export function leafExperiment(experiment: Experiment): LeafExperiment {
  const { model, algorithm, seed, tasksPerLeaf } = experiment;
  const { innerSteps, batchNorm = "transductive" } = experiment.evaluation;
  return { model, algorithm, seed, tasksPerLeaf, evaluation: { innerSteps, batchNorm } };
}

export interface LeafExamples {
  /** float32 `[tasksPerLeaf, n, ...example]` */
  readonly x: tf.Tensor;
  /** int32 `[tasksPerLeaf, n]` or float32 `[tasksPerLeaf, n, outputs]` */
  readonly y: tf.Tensor;
}

export interface LeafEpisodes {
  readonly support: LeafExamples;
  readonly query: LeafExamples;
  /** int32 `[tasksPerLeaf, outputs]`, for algorithms that read it in training. */
  readonly identities?: tf.Tensor;
}

/** A type, not an interface: a tree of tensors has an index signature. */
export type LeafResult = {
  /** float32 `[tasksPerLeaf, statNames.length]` */
  readonly stats: tf.Tensor;
  /** Sum of the tasks' meta-gradients, for `train`. */
  readonly gradient?: Params;
};

type ExampleTensors<T> = { readonly x: T; readonly y: T };
type EpisodeTensors<T> = {
  readonly support: ExampleTensors<T>;
  readonly query: ExampleTensors<T>;
  readonly identities?: T;
};

/** The function of one leaf, ready for `capture(program.fn, ...program.specs)`. */
export interface LeafProgram {
  readonly kind: "train" | "evaluate";
  readonly statNames: readonly string[];
  readonly layout: ParamLayout;
  /** Of the parameters, of the episodes, and of what the algorithm's schedule declares: often nothing. */
  readonly specs: readonly [NamedSpecs, EpisodeTensors<TensorSpec>, NamedSpecs];
  fn(params: Params, episodes: LeafEpisodes, scheduled: Scheduled): LeafResult;
  /** The schedule's values after `version` committed steps, in the order of its specs. */
  scheduledAt(version: number): readonly Float32Array[];
}

type NamedSpecs = { readonly [name: string]: TensorSpec };

/**
 * Meta-training: the gradient of the tasks' objectives, summed, in the shared parameters.
 *
 * The gradient carries the experiment's loss reduction (mean, or the authors' sum over ways); the
 * statistics are means per query example.
 */
export function trainProgram(experiment: LeafExperiment, source: TaskShapes): LeafProgram {
  const { algorithm, ...shapes } = prepare(experiment, source, "train");
  const problem = problemOf(source.problem, source.spec("train"));
  const { schedule } = algorithm;
  return {
    ...shapes,
    kind: "train",
    statNames: statNames(problem),
    scheduledAt(version) {
      if (schedule === undefined) return [];
      const values = schedule.at(version);
      return Object.keys(schedule.shapes).map((name) => Float32Array.from(values[name]!));
    },
    fn(params, episodes, scheduled) {
      const { gradient, aux } = valueAndGradWithAux((shared: Params) => {
        const { values, stats } = eachTask(episodes, experiment.tasksPerLeaf, (task) => {
          const { value, outputs } = algorithm.objective(shared, task, scheduled);
          return { values: value, stats: tf.stack([...measure(problem, outputs, task.query.y)]) };
        });
        return { value: tf.sum(values!), aux: stats! };
      })(params);
      return { stats: aux, gradient };
    },
  };
}

/**
 * Meta-testing: loss and accuracy on the query set before adaptation and after each inner step.
 *
 * With `evaluation.batchNorm` `both`, first those with the statistics of the query set (transductive),
 * then those with the support set's (inductive).
 */
export function evaluateProgram(experiment: LeafExperiment, source: TaskShapes, split: Split): LeafProgram {
  const { algorithm, ...shapes } = prepare(experiment, source, split);
  const problem = problemOf(source.problem, source.spec(split));
  const { innerSteps: steps, batchNorm = "transductive" } = experiment.evaluation;
  const afterStep = Array.from({ length: steps + 1 }, (_, step) => step);
  const prefixes = batchNorm === "both" ? ["", INDUCTIVE_PREFIX] : [""];
  return {
    ...shapes,
    kind: "evaluate",
    statNames: prefixes.flatMap((prefix) =>
      statNames(problem).flatMap((name) => afterStep.map((step) => `${prefix}${name}@${step}`)),
    ),
    scheduledAt: () => [],
    fn(params, episodes) {
      const { stats } = eachTask(episodes, experiment.tasksPerLeaf, ({ support, query }) => {
        const learners = algorithm.adapt(params, support, steps);
        if (learners.length !== steps + 1) {
          throw new Error(`adapt: expected ${steps + 1} learners, got ${learners.length}`);
        }
        const stat = (predict: (learner: Adapted) => tf.Tensor): tf.Tensor[] => {
          const measured = learners.map((learner) => measure(problem, predict(learner), query.y));
          return measured[0]!.flatMap((_, k) => measured.map((one) => one[k]!));
        };
        const transductive = (): tf.Tensor[] => stat((learner) => learner.predict(query.x));
        const inductive = (): tf.Tensor[] => stat((learner) => predictInductively(learner, support, query.x));
        const both = {
          transductive,
          inductive,
          both: () => [...transductive(), ...inductive()],
        };
        return { stats: tf.stack(both[batchNorm]()) };
      });
      return { stats: stats! };
    },
  };
}

/** Before the names of the statistics with the support set's batch norm, where both are taken. */
export const INDUCTIVE_PREFIX = "inductive-";

/** Where each parameter lies in the flat vector. */
export function modelLayout(experiment: Experiment, source: TaskShapes): ParamLayout {
  return layoutParams(createAlgorithm(experiment, source, "train").params);
}

/** The initial parameters: a function of the experiment's seed, model and algorithm alone. */
export function initialParams(experiment: Experiment, source: TaskShapes): Float32Array {
  return initialize(createAlgorithm(experiment, source, "train").params, experiment.seed);
}

function prepare(experiment: LeafExperiment, source: TaskShapes, split: Split) {
  const algorithm = createAlgorithm(experiment, source, split);
  const specs = Object.fromEntries(
    algorithm.params.map(({ name, shape }): [string, TensorSpec] => [name, { shape, dtype: "float32" }]),
  );
  const scheduled = Object.entries(split === "train" ? (algorithm.schedule?.shapes ?? {}) : {}).map(
    ([name, shape]): [string, TensorSpec] => [name, { shape, dtype: "float32" }],
  );
  const { tasksPerLeaf } = experiment;
  const episodes = stackedSpec(source.spec(split), tasksPerLeaf);
  const shape = [tasksPerLeaf, outputsOf(source.problem)];
  const readsIdentities = split === "train" && algorithm.readsIdentities === true;
  const identities = readsIdentities ? { identities: { shape, dtype: "int32" } as const } : {};
  return {
    algorithm,
    layout: layoutParams(algorithm.params),
    specs: [specs, { ...episodes, ...identities }, Object.fromEntries(scheduled)],
  } as const;
}

function stackedSpec({ support, query }: EpisodeSpec, tasks: number): EpisodeTensors<TensorSpec> {
  const stacked = ({ x, y }: ExamplesSpec): ExampleTensors<TensorSpec> => ({
    x: { shape: [tasks, ...x.shape], dtype: x.dtype },
    y: { shape: [tasks, ...y.shape], dtype: y.dtype },
  });
  return { support: stacked(support), query: stacked(query) };
}

/** The tensors of `one` for every task, `[tasks, ...]`: of the only task, or mapped over all of them. */
function eachTask(episodes: LeafEpisodes, tasks: number, one: (task: Task) => Params): Params {
  if (tasks > 1) return vmap((task: Task) => one(task), [0])(episodes);
  const only = ({ x, y }: LeafExamples): TaskExamples => ({
    x: tf.reshape(x, x.shape.slice(1)),
    y: tf.reshape(y, y.shape.slice(1)),
  });
  const { identities } = episodes;
  const results = one({
    support: only(episodes.support),
    query: only(episodes.query),
    ...(identities === undefined ? {} : { identities: tf.reshape(identities, [-1]) }),
  });
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, tf.expandDims(tensor, 0)]),
  );
}

/** Leaves out the accuracy of a regression. */
function statNames(problem: Problem): readonly string[] {
  return hasAccuracy(problem) ? ["loss", "accuracy"] : ["loss"];
}

/** Mean loss per example and, where there are classes, accuracy: scalars, as `statNames`. */
function measure(problem: Problem, outputs: tf.Tensor, y: tf.Tensor): readonly tf.Tensor[] {
  const loss = lossOf(problem, outputs, y);
  return hasAccuracy(problem) ? [loss, accuracyOf(problem, outputs, y)] : [loss];
}
