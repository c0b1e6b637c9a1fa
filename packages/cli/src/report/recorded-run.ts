import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Evaluation } from "@shoal/coordinator";
import { count } from "../format.ts";
import { isEvaluation } from "../stored-run.ts";
import type { StepMetric } from "./learning-curve.ts";

/** What a run directory tells about the way to a checkpoint, and what it does not. */
export interface RecordedRun {
  readonly steps: readonly StepMetric[];
  readonly evaluations: readonly Evaluation[];
  /** `summary.json`; empty while the run goes on. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** One sentence each, for people. */
  readonly missing: readonly string[];
}

/** Reads `metrics.jsonl` and `summary.json` of the run at `path`, up to `step`, its newest checkpoint's. */
export async function readRecordedRun(path: string, step: number): Promise<RecordedRun> {
  const text = await read(path, "metrics.jsonl");
  // A last line without its end is being written.
  const lines = (text ?? "")
    .split("\n")
    .slice(0, -1)
    .map((line): unknown => parse(line));
  const steps = lines.filter(isStep).filter((metric) => metric.step <= step);
  const evaluations = lines.filter(isEvaluation);
  const damaged = lines.filter((line) => line === null).length;
  const told = new Set(steps.map((metric) => metric.step)).size;
  const summaryText = await read(path, "summary.json");
  const summary = summaryText === null ? null : parse(summaryText);
  const missing = [
    ...(text === null
      ? ["the learning curve and all tests: metrics.jsonl is not there"]
      : [
          ...(damaged > 0
            ? [`damaged lines of metrics.jsonl: ${count(damaged)} (shoal verify says more)`]
            : []),
          ...(told < step
            ? [`${count(step - told)} of ${count(step)} steps, which metrics.jsonl does not hold`]
            : []),
          ...(hasTest(evaluations, "test-before") ? [] : ["the test before training, which is not recorded"]),
          ...(hasTest(evaluations, "test-after")
            ? []
            : ["the test after training: the run has not come to it"]),
        ]),
    ...(summaryText === null ? ["time and speed: there is no summary.json before a run has ended"] : []),
    ...(summaryText !== null && summary === null ? ["time and speed: summary.json is damaged"] : []),
  ];
  return { steps, evaluations, summary: summary ?? {}, missing };
}

function hasTest(evaluations: readonly Evaluation[], wanted: Evaluation["purpose"]): boolean {
  return evaluations.some(({ purpose }) => purpose === wanted);
}

/** A file's text; null where there is none to read. */
async function read(path: string, name: string): Promise<string | null> {
  return readFile(join(path, name), "utf8").catch(() => null);
}

/** A JSON object; null for anything else. */
function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

function isStep(metric: unknown): metric is StepMetric {
  return typeof metric === "object" && metric !== null && "type" in metric && metric.type === "step";
}
