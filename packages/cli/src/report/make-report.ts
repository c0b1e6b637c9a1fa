import type { Checkpoint } from "@shoal/coordinator";
import { parseExperiment, type TaskSource } from "@shoal/core";
import { paramsHash } from "@shoal/core/outer";
import { dataText, protocolText } from "../evaluation-text.ts";
import { count } from "../format.ts";
import { version } from "../version.ts";
import { drawTask } from "./draw-task.ts";
import { inspectTasks } from "./inspect-tasks.ts";
import { learningCurve } from "./learning-curve.ts";
import { reportPage, secondsText } from "./page.ts";
import { readRecordedRun } from "./recorded-run.ts";

/** Test tasks that the change per layer is averaged over, and those that are drawn. */
const INSPECTED_TASKS = 20;
const DRAWN_TASKS = 3;

/** A run as it lies on disk. */
export interface ReportedRun {
  readonly path: string;
  readonly checkpoint: Checkpoint;
  readonly source: TaskSource;
}

export interface Report {
  readonly html: string;
  /** What the run directory does not tell, one sentence each; the page says it too. */
  readonly missing: readonly string[];
}

/** The page of a run. Adapts to some test tasks on the CPU. */
export async function makeReport({ path, checkpoint, source }: ReportedRun): Promise<Report> {
  const experiment = parseExperiment(checkpoint.experiment);
  const { steps, evaluations, summary, missing } = await readRecordedRun(path, checkpoint.step);
  const { innerSteps, batchNorm } = experiment.evaluation;
  const options = {
    steps: innerSteps,
    batchNorm: batchNorm === "inductive" ? ("inductive" as const) : ("transductive" as const),
  };
  const inspection = await inspectTasks({ checkpoint, experiment, options }, source, {
    taskCount: INSPECTED_TASKS,
    exampleCount: DRAWN_TASKS,
  });
  const adapts = inspection.movements.length > 0;
  const drawn = await Promise.all(
    inspection.examples.map((task) => drawTask(task, source, experiment, adapts)),
  );
  const before = evaluations.find(({ purpose }) => purpose === "test-before");
  const after = evaluations.findLast(({ purpose }) => purpose === "test-after");
  const tested = after ?? before;
  const html = reportPage({
    missing,
    title: `${experiment.name}: ${count(checkpoint.step)} of ${count(experiment.steps)} meta-steps`,
    experiment,
    protocol: tested === undefined ? dataText(source) : protocolText(experiment, dataText(source), tested),
    before,
    after,
    curve: steps.length + evaluations.length === 0 ? null : learningCurve(experiment, steps, evaluations),
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
  return { html, missing };
}

/** The learning curve of a run as SVG. */
export async function makeCurve(path: string, checkpoint: Checkpoint): Promise<string> {
  const { steps, evaluations } = await readRecordedRun(path, checkpoint.step);
  return learningCurve(parseExperiment(checkpoint.experiment), steps, evaluations);
}
