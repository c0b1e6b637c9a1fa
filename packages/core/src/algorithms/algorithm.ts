import type * as tf from "@tensorflow/tfjs-core";
import type { z } from "zod";
import type { ApplyOptions, Model, ParamSpec, Params } from "../model.ts";
import type { EpisodeSpec, Identities, Problem } from "../task-source.ts";

/** Labelled examples of one task: float32 `[n, ...example]`, and int32 `[n]` or float32 `[n, outputs]`. */
export type TaskExamples = { readonly x: tf.Tensor; readonly y: tf.Tensor };

/** One task: adapt on `support`, measure on `query`. */
export type Task = {
  readonly support: TaskExamples;
  readonly query: TaskExamples;
  /** int32 `[outputs]`: what the outputs stand for, for algorithms that read `identities`. */
  readonly identities?: tf.Tensor;
};

/** What a training step tells the algorithm beside the parameters: named float32 tensors. */
export type Scheduled = { readonly [name: string]: tf.Tensor };

/**
 * Numbers that change from meta-step to meta-step: annealing, weights of losses, orders of examples.
 *
 * They enter the compiled graph as inputs, so one graph serves all steps.
 */
export interface Schedule {
  readonly shapes: { readonly [name: string]: readonly number[] };
  /** The values, row by row, at the step after `version` committed ones: a pure function of `version`. */
  at(version: number): { readonly [name: string]: readonly number[] };
}

/** What one task contributes to a meta-step. */
export interface Objective {
  /** Scalar whose gradient in the parameters, summed over tasks, is the meta-gradient. */
  readonly value: tf.Tensor;
  /** float32 `[query examples, outputs]`: what the statistics (loss, accuracy) are taken of. */
  readonly outputs: tf.Tensor;
}

/** A learner at one point of its adaptation to a task. */
export interface Adapted {
  /** Its parameters; those that adaptation leaves alone are the ones that came in. */
  readonly params: Params;
  /** float32 `[n, ...example]` -> float32 `[n, outputs]`. */
  predict(x: tf.Tensor, options?: ApplyOptions): tf.Tensor;
}

/**
 * A meta-learning algorithm for one model and one shape of episodes.
 *
 * Its functions run under capture, for one task at a time, possibly mapped over several by `vmap`. Under
 * `vmap` the parameters are shared and the task is mapped; the leaf program takes the gradient outside of
 * it, and so sums over the tasks.
 */
export interface Algorithm {
  /**
   * Everything that the outer optimizer moves: the model's parameters, and the algorithm's own (learned
   * rates, say). The same for every shape of episodes.
   */
  readonly params: readonly ParamSpec[];
  readonly schedule?: Schedule;
  /** True: training tasks come with their `identities`. */
  readonly readsIdentities?: true;
  /**
   * Meta-training. An algorithm whose meta-gradient `g` is no gradient of a loss returns the surrogate
   * `sum(params * stopGradient(g))`, whose gradient is `g`.
   *
   * @param scheduled the tensors that `schedule` declares
   */
  objective(params: Params, task: Task, scheduled: Scheduled): Objective;
  /**
   * Meta-testing: the learner before it adapts to `support` and after each of `steps` steps.
   *
   * @returns `steps + 1` learners; no gradient is taken through them
   */
  adapt(params: Params, support: TaskExamples, steps: number): readonly Adapted[];
}

/** What an algorithm is made for. */
export interface AlgorithmContext {
  readonly model: Model;
  readonly problem: Problem;
  /** Of the split that is trained or evaluated. */
  readonly episode: EpisodeSpec;
  /** What comes again from training task to training task; undefined: nothing does. */
  readonly identities?: Identities | undefined;
  /** The experiment's. */
  readonly seed: number;
}

/** The rest of an experiment, as far as an algorithm may have to fit to it. */
export interface Surroundings {
  readonly dataset: { readonly source: string };
  readonly evaluation: { readonly innerSteps: number };
}

/** Fields of an experiment's other sections, as a configuration file would name them. */
export interface Companions {
  readonly steps?: number;
  readonly outer?: { readonly [field: string]: unknown };
  readonly evaluation?: { readonly [field: string]: unknown };
  readonly dataset?: { readonly [field: string]: unknown };
}

/** All that one file says about one algorithm. */
export interface AlgorithmDefinition<Schema extends AlgorithmSchema> {
  /** The `type` of its section of an experiment, and its name on a command line. */
  readonly name: Schema["shape"]["type"]["value"];
  /** A strict object; `type` is the name. */
  readonly schema: Schema;
  /** The values of its fields when a person names it on top of an experiment with another algorithm. */
  readonly defaults: Omit<z.infer<Schema>, "type">;
  /** Fields whose values are taken over from the other algorithm instead: they mean the same there. */
  readonly inherited: readonly (keyof z.infer<Schema> & string)[];
  /** Sections of the rest of an experiment that go with it, set when a person names it. */
  readonly companions?: Companions;
  /** True: it has no head, so that training episodes may have other ways than those at test. */
  readonly fitsAnyWays?: true;
  /** One line for people: `MAML, 1 inner step of 0.4 on the mean loss`. */
  describe(config: z.infer<Schema>): string;
  /** Tells `fault` what does not fit; paths start at the experiment: `algorithm.innerSteps`. */
  check?(
    config: z.infer<Schema>,
    surroundings: Surroundings,
    fault: (path: string, message: string) => void,
  ): void;
  /** @throws {ShoalError} E_EXPERIMENT if the algorithm cannot train such a model or such tasks */
  create(config: z.infer<Schema>, context: AlgorithmContext): Algorithm;
}

/** A strict object with the algorithm's name as `type`. */
type AlgorithmSchema = z.ZodObject<{ type: z.ZodLiteral<string> }>;

/** `definition` with its types inferred. */
export function defineAlgorithm<Schema extends AlgorithmSchema>(
  definition: AlgorithmDefinition<Schema>,
): AlgorithmDefinition<Schema> {
  return definition;
}
