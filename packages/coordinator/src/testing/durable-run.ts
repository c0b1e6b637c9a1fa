import { paramsHash } from "@shoal/core/outer";
import { type Clock, systemClock } from "@shoal/protocol";
import type { Checkpoint } from "../checkpoint.ts";
import type { CoordinatorEvent, Evaluation, Outcome } from "../coordinator-event.ts";
import type { Disk } from "../disk.ts";
import type { Finding } from "../journal/recover-run.ts";
import type { TrainPlan } from "../plan.ts";
import { Run } from "../run.ts";
import { RunDirectory } from "../run-directory.ts";
import { layout, statNames } from "./made-up-work.ts";
import { joinByMemory } from "./memory-worker.ts";
import { initialParams, plan as wholePlan } from "./simulated-run.ts";

/** A run of a few steps that does everything: validations, checkpoints, checkpoints that go. */
export const plan: TrainPlan = { ...wholePlan, steps: 7, evaluateEvery: 3, checkpointEverySteps: 2 };

export const RUN_PATH = "/runs/one";

export interface DurableRun {
  readonly outcome: Promise<Outcome>;
  /** Where it began. */
  readonly start: { readonly step: number; readonly paramsHash: string };
  readonly findings: readonly Finding[];
}

export interface DurableRunOptions {
  readonly disk: Disk;
  readonly path?: string;
  readonly clock?: Clock;
  readonly onEvent?: (event: CoordinatorEvent, run: Run) => void;
}

/** Begins a run on `disk`, or goes on with the one that is there, with one worker in this process. */
export async function startDurableRun(options: DurableRunOptions): Promise<DurableRun> {
  const { disk, path = RUN_PATH, clock = systemClock } = options;
  const experiment = { name: "made-up" };
  const exists = (await disk.find(`${path}/run.json`)) !== null;
  const runDirectory = await RunDirectory.open(
    path,
    { resume: exists, runId: "run-1", experiment },
    disk,
    clock,
  );
  const findings: Finding[] = [];
  // A run that was left before its first checkpoint begins anew.
  const before = (await runDirectory.hasBegun())
    ? await runDirectory.recover(
        () => plan.outer,
        (finding) => findings.push(finding),
      )
    : null;
  const start: Checkpoint = before?.checkpoint ?? {
    runId: "run-1",
    step: 0,
    params: initialParams,
    optimizer: plan.outer.init(layout.size),
    layout,
    dataHash: null,
    experiment,
  };
  await runDirectory.writeExperiment(experiment);
  if (before === null) await runDirectory.save(start);
  const metrics: readonly unknown[] = before?.metrics ?? [];
  const run: Run = new Run({
    experiment,
    runId: "run-1",
    incarnation: runDirectory.incarnation,
    layout,
    dataHash: null,
    start: { ...start, evaluations: metrics.filter(isEvaluation) },
    plan,
    statNames,
    runDirectory,
    workersMin: 1,
    clock,
    onEvent: (event) => options.onEvent?.(event, run),
  });
  const outcome = run.start().then(async (outcome) => {
    await runDirectory.close();
    return outcome;
  });
  joinByMemory(run);
  return { outcome, start: { step: start.step, paramsHash: paramsHash(start.params) }, findings };
}

function isEvaluation(metric: unknown): metric is Evaluation & { readonly type: "evaluation" } {
  return typeof metric === "object" && metric !== null && "type" in metric && metric.type === "evaluation";
}
