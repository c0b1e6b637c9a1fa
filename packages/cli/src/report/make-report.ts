import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Checkpoint, Evaluation } from "@shoal/coordinator";
import { parseExperiment, type TaskSource } from "@shoal/core";
import { paramsHash } from "@shoal/core/outer";
import { dataText, protocolText } from "../evaluation-text.ts";
import { count } from "../format.ts";
import { isEvaluation } from "../stored-run.ts";
import { version } from "../version.ts";
import { drawTask } from "./draw-task.ts";
import { inspectTasks } from "./inspect-tasks.ts";
import { learningCurve, type StepMetric } from "./learning-curve.ts";
import { reportPage, secondsText } from "./page.ts";

/** Test tasks that the change per layer is averaged over, and those that are drawn. */
const INSPECTED_TASKS = 20;
const DRAWN_TASKS = 3;

/** A run as it lies on disk. */
export interface ReportedRun {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly source: TaskSource;
}

/** The page of a run. Adapts to some test tasks on the CPU. */
export async function makeReport({ path, checkpoint, source }: ReportedRun): Promise<string> {
  const experiment = parseExperiment(checkpoint.experiment);
  const { steps, evaluations } = await readMetrics(path);
  const summary = await readSummary(path);
  const { innerSteps, batchNorm } = experiment.evaluation;
  const options = {
    steps: innerSteps,
    batchNorm: batchNorm === "inductive" ? ("inductive" as const) : ("transductive" as const),
  };
  const inspection = await inspectTasks({ checkpoint, experiment, options }, source, {
    taskCount: INSPECTED_TASKS,
    exampleCount: DRAWN_TASKS,
  });
  const drawn = await Promise.all(inspection.examples.map((task) => drawTask(task, source, experiment)));
  const before = evaluations.find(({ purpose }) => purpose === "test-before");
  const after = evaluations.findLast(({ purpose }) => purpose === "test-after");
  const tested = after ?? before;
  return reportPage({
    title: `${experiment.name}: ${count(checkpoint.step)} of ${count(experiment.steps)} meta-steps`,
    experiment,
    protocol: tested === undefined ? dataText(source) : protocolText(experiment, dataText(source), tested),
    before,
    after,
    curve: learningCurve(experiment, steps, evaluations),
    inspection,
    examples: drawn.filter((html) => html !== ""),
    facts: [
      ["run", checkpoint.runId],
      ["seed", String(experiment.seed)],
      ["parameters", `${count(checkpoint.layout.size)} floats, SHA-256 ${paramsHash(checkpoint.params)}`],
      ["data and split", source.dataHash],
      ...(typeof summary.seconds === "number" ? [["time", secondsText(summary.seconds)] as const] : []),
      ...(typeof summary.tasksPerSecond === "number"
        ? [["tasks per second", summary.tasksPerSecond.toFixed(1)] as const]
        : []),
      ...(typeof summary.device === "string" ? [["device", summary.device] as const] : []),
      ["shoal", version],
      ["Node.js", `${process.version}, ${process.platform} ${process.arch}`],
    ],
  });
}

/** The learning curve of a run as SVG. */
export async function makeCurve(path: string, checkpoint: Checkpoint): Promise<string> {
  const { steps, evaluations } = await readMetrics(path);
  return learningCurve(parseExperiment(checkpoint.experiment), steps, evaluations);
}

/** What `metrics.jsonl` says; a last line that is being written is left out. */
async function readMetrics(
  path: string,
): Promise<{ readonly steps: readonly StepMetric[]; readonly evaluations: readonly Evaluation[] }> {
  const text = await readFile(join(path, "metrics.jsonl"), "utf8").catch(() => "");
  const lines = text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
  return { steps: lines.filter(isStep), evaluations: lines.filter(isEvaluation) };
}

function isStep(metric: unknown): metric is StepMetric {
  return typeof metric === "object" && metric !== null && "type" in metric && metric.type === "step";
}

async function readSummary(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(join(path, "summary.json"), "utf8").catch(() => "{}");
  return JSON.parse(text) as Record<string, unknown>;
}
