import type { Evaluation } from "@shoal/coordinator";
import type { Experiment } from "@shoal/core";
import { plot, type Series } from "./plot.ts";

/** A step of `metrics.jsonl`. */
export interface StepMetric {
  readonly step: number;
  readonly loss: number;
  readonly accuracy?: number;
}

/** Most points of the training curve: each is the mean of the steps around it. */
const POINTS_MAX = 300;

/** The learning curve as SVG: training, and validation and test after the last inner step with their intervals. */
export function learningCurve(
  { evaluation }: Experiment,
  steps: readonly StepMetric[],
  evaluations: readonly Evaluation[],
): string {
  const stat = evaluations.some(({ stats }) => stats[`accuracy@${evaluation.innerSteps}`] !== undefined)
    ? "accuracy"
    : "loss";
  const factor = stat === "accuracy" ? 100 : 1;
  const measured = (label: string, colour: number, purposes: readonly Evaluation["purpose"][]): Series[] => {
    const points = evaluations
      .filter(({ purpose }) => purposes.includes(purpose))
      .flatMap(({ step, stats }) => {
        const found = stats[`${stat}@${evaluation.innerSteps}`];
        return found === undefined ? [] : [{ x: step, y: factor * found.mean, spread: factor * found.ci95 }];
      });
    return points.length === 0 ? [] : [{ label, colour, points }];
  };
  const size = Math.max(1, Math.ceil(steps.length / POINTS_MAX));
  const bins = Array.from({ length: Math.ceil(steps.length / size) }, (_, i) =>
    steps.slice(i * size, (i + 1) * size),
  );
  const training = bins.map((bin) => ({
    x: bin.at(-1)!.step,
    y: (factor * bin.reduce((sum, one) => sum + (one[stat] ?? Number.NaN), 0)) / bin.length,
  }));
  const mean = size === 1 ? "" : `, mean of ${size} steps`;
  return plot(
    [
      ...(training.length === 0
        ? []
        : [{ label: `training${mean}`, colour: 3, points: training, isFaint: true }]),
      ...measured("validation", 0, ["validation"]),
      // Two tests, and nothing known between them.
      ...measured("test, 95 % interval", 1, ["test-before", "test-after"]).map((tests) => ({
        ...tests,
        isDots: true,
      })),
    ],
    {
      xLabel: "meta-steps",
      yLabel: stat === "accuracy" ? "accuracy, %" : "loss",
      width: 760,
      height: 320,
      ...(stat === "accuracy" ? { yRange: [0, 100] as const } : {}),
    },
  );
}
