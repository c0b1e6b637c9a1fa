import type { Evaluation } from "@shoal/coordinator";
import { type Experiment, INDUCTIVE_PREFIX, type TaskSource } from "@shoal/core";
import type { Interval } from "@shoal/core/outer";
import { count, percent } from "./format.ts";

interface Score {
  readonly accuracy?: number;
  readonly loss: number;
  /** 95 % interval of the accuracy, or of the loss where there is none. */
  readonly ci95: number;
}

/** The number of an evaluation, with all of its protocol: what `--json` prints. */
export interface EvaluationSummary extends Score {
  readonly tasks: number;
  readonly innerSteps: number;
  /** Query examples, per class for classification. */
  readonly queries: number;
  /** Batch norm at evaluation: statistics of the batch, or no batch norm. */
  readonly bn: "transductive" | "inductive" | "none";
  /** The score with inductive batch norm, where both were asked for. */
  readonly inductive?: Score;
  readonly split: Evaluation["split"];
  /** By the name of each source of a mixture. */
  readonly parts?: Readonly<Record<string, Score & { readonly tasks: number }>>;
}

export function summarize(
  experiment: Experiment,
  { stats, tasks, split, parts }: Evaluation,
): EvaluationSummary {
  const { innerSteps } = experiment.evaluation;
  const norm = normOf(experiment);
  return {
    ...scoreOf(stats, innerSteps, ""),
    tasks,
    innerSteps,
    queries: experiment.dataset.evaluationQueries,
    bn: norm === "both" ? "transductive" : norm,
    ...(norm === "both" ? { inductive: scoreOf(stats, innerSteps, INDUCTIVE_PREFIX) } : {}),
    split,
    ...(parts === undefined
      ? {}
      : {
          parts: Object.fromEntries(
            Object.entries(parts).map(([name, part]) => [
              name,
              { ...scoreOf(part.stats, innerSteps, ""), tasks: part.tasks },
            ]),
          ),
        }),
  };
}

function scoreOf(stats: Evaluation["stats"], step: number, prefix: string): Score {
  const accuracy = stats[`${prefix}accuracy@${step}`];
  const loss = stats[`${prefix}loss@${step}`]!;
  return {
    ...(accuracy === undefined ? {} : { accuracy: accuracy.mean }),
    loss: loss.mean,
    ci95: (accuracy ?? loss).ci95,
  };
}

/** Whose statistics batch norm takes at evaluation. */
function normOf({ model, evaluation }: Experiment): "transductive" | "inductive" | "both" | "none" {
  return model.type === "mlp" ? "none" : (evaluation.batchNorm ?? "transductive");
}

/** `accuracy 95.30 % +- 0.41` or `loss 0.0123 +- 0.0004`, after the last inner step. */
export function scoreText(experiment: Experiment, { stats }: Pick<Evaluation, "stats">): string {
  const { innerSteps } = experiment.evaluation;
  const text = (prefix: string): string => {
    const accuracy = stats[`${prefix}accuracy@${innerSteps}`];
    return accuracy === undefined
      ? `loss ${lossText(stats[`${prefix}loss@${innerSteps}`]!)}`
      : `accuracy ${accuracyText(accuracy)}`;
  };
  return normOf(experiment) === "both" ? `${text("")} (inductive: ${text(INDUCTIVE_PREFIX)})` : text("");
}

/** A line for each source of a mixture: `omniglot: accuracy 95.30 % +- 0.41 (143 tasks)`; none without parts. */
export function partTexts(experiment: Experiment, { parts = {} }: Evaluation): readonly string[] {
  return Object.entries(parts).map(
    ([name, part]) =>
      `${name}: ${scoreText(experiment, part)} (${count(part.tasks)} task${part.tasks === 1 ? "" : "s"})`,
  );
}

/** More inner steps than these are told in part. */
const PATH_STEPS_MAX = 10;

/**
 * The score after each inner step, from none: `20.1 -> 88.4 -> 90.2 -> 90.3 %`; after every tenth of many:
 * `20.1 -> 60.3 -> ... -> 90.3 %, every 5 steps`.
 */
export function pathText(experiment: Experiment, { stats }: Evaluation): string {
  const { innerSteps } = experiment.evaluation;
  const stride = Math.max(1, Math.ceil(innerSteps / PATH_STEPS_MAX));
  const steps = Array.from({ length: Math.ceil(innerSteps / stride) + 1 }, (_, i) =>
    Math.min(innerSteps, i * stride),
  );
  const every = stride === 1 ? "" : `, every ${stride} steps`;
  if (stats["accuracy@0"] === undefined) {
    return `${steps.map((step) => stats[`loss@${step}`]!.mean.toPrecision(3)).join(" -> ")}${every}`;
  }
  const accuracies = steps.map((step) => (100 * stats[`accuracy@${step}`]!.mean).toFixed(1));
  return `${accuracies.join(" -> ")} %${every}`;
}

/** `5-way 1-shot`, `10-shot`; of a mixture all that are drawn: `5/10-way 1/5-shot`. */
export function episodeText(dataset: Experiment["dataset"]): string {
  const all = (most: number, fewer: readonly number[] = []): string =>
    [most, ...fewer].toSorted((a, b) => a - b).join("/");
  if (dataset.source === "mixed") {
    const { ways, fewerWays, shots, fewerShots } = dataset;
    return `${all(ways, fewerWays)}-way ${all(shots, fewerShots)}-shot`;
  }
  return "ways" in dataset ? `${dataset.ways}-way ${dataset.shots}-shot` : `${dataset.shots}-shot`;
}

/** Shots and queries are then per class. */
export function hasClasses(dataset: Experiment["dataset"]): boolean {
  return "ways" in dataset || dataset.source === "binary";
}

/** The data of a protocol line: what it is, and the hash of its content, split and options. */
export function dataText({ description, dataHash }: Pick<TaskSource, "description" | "dataHash">): string {
  return `${description}, data and split ${dataHash.slice(0, 12)}`;
}

/** Whose statistics batch norm takes, for people. */
export function normText(experiment: Experiment): string {
  const { algorithm } = experiment;
  const hasRunning = algorithm.type === "maml++" && algorithm.perStepStatistics;
  return {
    transductive: "transductive batch norm",
    inductive: `inductive batch norm (${hasRunning ? "running statistics of training" : "the support set's statistics"})`,
    both: "transductive batch norm (and inductive beside)",
    none: "no batch norm",
  }[normOf(experiment)];
}

/** Everything that the number depends on, in one line. */
export function protocolText(
  experiment: Experiment,
  description: string,
  { tasks, split }: Evaluation,
): string {
  const { dataset, evaluation } = experiment;
  const queries = dataset.evaluationQueries;
  const episode = hasClasses(dataset)
    ? `${episodeText(dataset)}, ${queries} quer${queries === 1 ? "y" : "ies"} per class`
    : `${episodeText(dataset)}, ${queries} query points`;
  const norm = normText(experiment);
  const steps = `${evaluation.innerSteps} inner step${evaluation.innerSteps === 1 ? "" : "s"}`;
  return `${count(tasks)} ${split} task${tasks === 1 ? "" : "s"}, ${episode}, ${steps}, ${norm}; mean and 95 % interval over tasks; ${description}`;
}

function accuracyText({ mean, ci95 }: Interval): string {
  return `${percent(mean)} +- ${(100 * ci95).toFixed(2)}`;
}

function lossText({ mean, ci95 }: Interval): string {
  return `${mean.toPrecision(4)} +- ${ci95.toPrecision(2)}`;
}
