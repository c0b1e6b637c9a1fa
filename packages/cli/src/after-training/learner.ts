import type { Checkpoint } from "@shoal/coordinator";
import {
  type AdaptProgram,
  type AdaptProgramOptions,
  type Experiment,
  type Identities,
  parseExperiment,
} from "@shoal/core";
import { type ParamLayout, paramsHash, ShoalError } from "@shoal/core/outer";
import type { Invocation } from "../command.ts";
import { normText } from "../evaluation-text.ts";
import { count } from "../format.ts";
import { loadNamedRun } from "../stored-run.ts";
import { usageError } from "../usage-error.ts";

/** A trained initialization, and how it adapts: all that a use of it needs, without the data set. */
export interface Learner {
  readonly checkpoint: Checkpoint;
  readonly experiment: Experiment;
  readonly options: AdaptProgramOptions;
}

/**
 * The checkpoint that a command line names, with its `--inner-steps` and `--test-batch-norm`.
 *
 * @throws {ShoalError} E_CHECKPOINT if there is none; E_EXPERIMENT if the algorithm cannot take such steps
 */
export async function openLearner(invocation: Invocation): Promise<Learner> {
  const { values } = invocation;
  const checkpoint = await loadNamedRun(invocation);
  const stored = parseExperiment(checkpoint.experiment);
  if (values["test-batch-norm"] === "both") {
    throw usageError("--test-batch-norm: expected transductive or inductive, got both; a learner takes one");
  }
  const innerSteps = values["inner-steps"] ?? stored.evaluation.innerSteps;
  const batchNorm = values["test-batch-norm"] ?? stored.evaluation.batchNorm;
  const evaluation = { ...stored.evaluation, innerSteps, ...(batchNorm === undefined ? {} : { batchNorm }) };
  return {
    checkpoint,
    experiment: parseExperiment({ ...stored, evaluation }),
    options: {
      steps: innerSteps,
      batchNorm: batchNorm === "inductive" ? "inductive" : "transductive",
    },
  };
}

/**
 * The parameters of a checkpoint by name, for a program made for tasks of some sizes.
 *
 * @throws {ShoalError} E_EXPERIMENT if the checkpoint was trained for another number of ways
 */
export function paramsFor(
  { checkpoint, experiment }: Learner,
  { layout }: Pick<AdaptProgram<unknown>, "layout">,
  ways: number | null,
): readonly { readonly name: string; readonly values: Float32Array }[] {
  const { dataset, algorithm } = experiment;
  if (!isSameLayout(layout, checkpoint.layout)) {
    const trained = "ways" in dataset ? dataset.ways : null;
    throw new ShoalError(
      "E_EXPERIMENT",
      ways === trained
        ? `checkpoint: expected the parameters of this version's ${algorithm.type}, got others; train it again`
        : `ways: expected ${trained}, the classes that the last layer of this ${algorithm.type} checkpoint tells apart, ` +
            `got ${ways}; give ${trained} classes, or train one with --ways ${ways}, or with --algorithm protonet, ` +
            "which takes any number",
    );
  }
  return checkpoint.layout.entries.map(({ name, offset, size }) => ({
    name,
    values: checkpoint.params.subarray(offset, offset + size),
  }));
}

function isSameLayout(a: ParamLayout, b: ParamLayout): boolean {
  const text = ({ entries }: ParamLayout): string =>
    JSON.stringify(entries.map(({ name, shape }) => [name, shape]));
  return text(a) === text(b);
}

/**
 * What came again in the training of a checkpoint, as far as its parameters tell: joint training has an output of
 * its heads, the last parameters, for each. That is all that a learner in use needs to know of it.
 */
export function identitiesOf({ checkpoint, experiment }: Learner): { readonly identities?: Identities } {
  const outputs = checkpoint.layout.entries.at(-1)?.shape.at(-1);
  if (experiment.algorithm.type !== "joint" || outputs === undefined) return {};
  return { identities: { familySizes: [outputs] } };
}

/** How large a task is. */
export interface TaskSize {
  /** Null where there are no classes. */
  readonly ways: number | null;
  /** Support examples in all. */
  readonly support: number;
  /** Queries in all. */
  readonly query: number;
}

/** Everything that predictions for a task of this size depend on, in one line. */
export function learnerProtocol(
  { checkpoint, experiment, options }: Learner,
  { ways, support, query }: TaskSize,
): string {
  const { dataset } = experiment;
  const examples = `${count(support)} support example${support === 1 ? "" : "s"}`;
  const classes = ways === null ? "" : `${ways}-way, `;
  const queries = `${count(query)} quer${query === 1 ? "y" : "ies"} in all`;
  const steps = `${options.steps} inner step${options.steps === 1 ? "" : "s"}`;
  // With both, `options` say which of the two a learner takes.
  const { batchNorm } = options;
  const norm = normText({ ...experiment, evaluation: { ...experiment.evaluation, batchNorm } });
  const data = checkpoint.dataHash === null ? "" : ` (data and split ${checkpoint.dataHash.slice(0, 12)})`;
  return (
    `${classes}${examples}, ${queries}, ${steps}, ${norm}; ${experiment.algorithm.type} trained on ` +
    `${dataset.source}${data}, step ${count(checkpoint.step)}, parameters ${paramsHash(checkpoint.params).slice(0, 12)}`
  );
}
