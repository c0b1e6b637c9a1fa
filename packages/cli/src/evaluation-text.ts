import type { Evaluation } from "@shoal/coordinator";
import type { Experiment } from "@shoal/core";
import type { Interval } from "@shoal/core/outer";
import { count, percent } from "./format.ts";

/** The number of an evaluation, with all of its protocol: what `--json` prints. */
export interface EvaluationSummary {
  readonly accuracy?: number;
  readonly loss: number;
  /** 95 % interval of the accuracy, or of the loss where there is none. */
  readonly ci95: number;
  readonly tasks: number;
  readonly innerSteps: number;
  /** Query examples, per class for classification. */
  readonly queries: number;
  /** Batch norm at evaluation: statistics of the batch, or no batch norm. */
  readonly bn: "transductive" | "none";
  readonly split: Evaluation["split"];
}

export function summarize(experiment: Experiment, { stats, tasks, split }: Evaluation): EvaluationSummary {
  const { innerSteps } = experiment.evaluation;
  const accuracy = stats[`accuracy@${innerSteps}`];
  const loss = stats[`loss@${innerSteps}`]!;
  return {
    ...(accuracy === undefined ? {} : { accuracy: accuracy.mean }),
    loss: loss.mean,
    ci95: (accuracy ?? loss).ci95,
    tasks,
    innerSteps,
    queries: experiment.dataset.evaluationQueries,
    bn: experiment.model.type === "conv4" ? "transductive" : "none",
    split,
  };
}

/** `accuracy 95.30 % +- 0.41` or `loss 0.0123 +- 0.0004`, after the last inner step. */
export function scoreText(experiment: Experiment, { stats }: Evaluation): string {
  const { innerSteps } = experiment.evaluation;
  const accuracy = stats[`accuracy@${innerSteps}`];
  return accuracy === undefined
    ? `loss ${lossText(stats[`loss@${innerSteps}`]!)}`
    : `accuracy ${accuracyText(accuracy)}`;
}

/** The score after each inner step, from none: `20.1 -> 88.4 -> 90.2 -> 90.3 %`. */
export function pathText(experiment: Experiment, { stats }: Evaluation): string {
  const steps = Array.from({ length: experiment.evaluation.innerSteps + 1 }, (_, step) => step);
  if (stats["accuracy@0"] === undefined) {
    return steps.map((step) => stats[`loss@${step}`]!.mean.toPrecision(3)).join(" -> ");
  }
  return `${steps.map((step) => (100 * stats[`accuracy@${step}`]!.mean).toFixed(1)).join(" -> ")} %`;
}

/** Everything that the number depends on, in one line. */
export function protocolText(
  experiment: Experiment,
  description: string,
  { tasks, split }: Evaluation,
): string {
  const { dataset, model, evaluation } = experiment;
  const episode =
    dataset.source === "sinusoid"
      ? `${dataset.shots}-shot, ${dataset.evaluationQueries} query points`
      : `${dataset.ways}-way ${dataset.shots}-shot, ${dataset.evaluationQueries} quer${dataset.evaluationQueries === 1 ? "y" : "ies"} per class`;
  const norm = model.type === "conv4" ? "transductive batch norm" : "no batch norm";
  const steps = `${evaluation.innerSteps} inner step${evaluation.innerSteps === 1 ? "" : "s"}`;
  return `${count(tasks)} ${split} task${tasks === 1 ? "" : "s"}, ${episode}, ${steps}, ${norm}; mean and 95 % interval over tasks; ${description}`;
}

function accuracyText({ mean, ci95 }: Interval): string {
  return `${percent(mean)} +- ${(100 * ci95).toFixed(2)}`;
}

function lossText({ mean, ci95 }: Interval): string {
  return `${mean.toPrecision(4)} +- ${ci95.toPrecision(2)}`;
}
