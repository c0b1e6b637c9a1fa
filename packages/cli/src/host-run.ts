import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import {
  type Checkpoint,
  type Evaluation,
  levelOf,
  loadCheckpoint,
  type Outcome,
  type Plan,
  type Recovered,
  RunDirectory,
  startCoordinator,
} from "@shoal/coordinator";
import {
  type Experiment,
  evaluateProgram,
  initialParams,
  modelLayout,
  parseExperiment,
  type TaskSource,
  trainProgram,
} from "@shoal/core";
import { createOuterOptimizer, ShoalError } from "@shoal/core/outer";
import { openTaskSource } from "@shoal/datasets";
import { EXIT, type Invocation } from "./command.ts";
import { showDataEvents, taskSourceOptions } from "./data-options.ts";
import { describeListening } from "./describe-listening.ts";
import { concludeRun, describeRun } from "./describe-run.ts";
import { dataText } from "./evaluation-text.ts";
import { duration } from "./format.ts";
import { graphCacheOf } from "./graph-cache.ts";
import { LocalWorkers } from "./local-workers.ts";
import { publishRendezvous } from "./rendezvous.ts";
import { makeReport } from "./report/make-report.ts";
import { type ResolvedExperiment, resolveExperiment } from "./resolve-experiment.ts";
import { resumeCommand } from "./resume-command.ts";
import { doneSummary, showRun } from "./run-display.ts";
import { advertisedUrl, checkListening, localUrl, secureListening } from "./secure-listening.ts";
import { evaluationsIn, recoverIn, resumeExperiment } from "./stored-run.ts";
import { timestamp } from "./timestamp.ts";
import { usageError } from "./usage-error.ts";
import { exitCodeFor } from "./user-error.ts";

/** Checkpoint at least this often while steps go on, in ms. */
const CHECKPOINT_MS = 60_000;

/** Port of `shoal coordinator` unless another is named. */
export const COORDINATOR_PORT = 8471;

export interface HostOptions {
  /** Local worker processes to start; 0: workers come over the network. */
  readonly localWorkers: number;
  /** Name or number of the interface to listen on. */
  readonly address: string;
  readonly port: number;
}

/**
 * Trains an experiment with a coordinator in this process: `shoal train` and `shoal coordinator`.
 *
 * @returns the exit code
 */
export async function hostTraining(invocation: Invocation, host: HostOptions): Promise<number> {
  const { values, given } = invocation;
  if (values.resume === true && values["run-dir"] === undefined) {
    throw usageError("--resume: expected --run-dir with the run to go on with, got none");
  }
  checkListening(host.address, values);
  if (values.resume === true) return resumeTraining(invocation, host, values["run-dir"]!);
  const resolved = resolveExperiment(values, given);
  const path = values["run-dir"] ?? join("runs", `${fileNameOf(resolved.experiment.name)}-${timestamp()}`);
  return startTraining(invocation, host, resolved, path);
}

/** An experiment's name as part of a file's: a name with slashes would lead out of the directory. */
function fileNameOf(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N}.+_-]+/gu, "-");
}

/** Goes on with the run in `path`; returns the exit code. */
export async function resumeTraining(
  invocation: Invocation,
  host: HostOptions,
  path: string,
): Promise<number> {
  const { terminal } = invocation;
  const runDirectory = await RunDirectory.open(path, { resume: true, runId: randomUUID() });
  return hostIn(runDirectory, async () => {
    const before = await recoverIn(runDirectory, terminal);
    const stored = before?.checkpoint ?? { experiment: await runDirectory.readExperiment(), step: 0 };
    const resolved = resumeExperiment(stored, invocation);
    if (before === null) {
      const { seed } = resolved.experiment;
      terminal.line(
        `${path}: the run ended before its first checkpoint; it begins at step 0, where seed ${seed} gives it the same initialisation`,
      );
      terminal.json({ event: "begun-anew", runDir: path, seed });
    }
    const source = await openSource(invocation, resolved.experiment);
    return trainIn(invocation, host, runDirectory, { resolved, source, before });
  });
}

/** Trains an experiment into a new run directory; returns the exit code. */
export async function startTraining(
  invocation: Invocation,
  host: HostOptions,
  resolved: ResolvedExperiment,
  path: string,
): Promise<number> {
  const source = await openSource(invocation, resolved.experiment);
  const { experiment } = resolved;
  const runDirectory = await RunDirectory.open(path, { resume: false, runId: randomUUID(), experiment });
  return hostIn(runDirectory, () =>
    trainIn(invocation, host, runDirectory, { resolved, source, before: null }),
  );
}

/** Does `work`, and gives the run directory back whatever happens. */
async function hostIn(runDirectory: RunDirectory, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } finally {
    await runDirectory.close();
  }
}

interface Training {
  readonly resolved: ResolvedExperiment;
  readonly source: TaskSource;
  /** Where the run was left; null: it begins. */
  readonly before: Recovered | null;
}

async function trainIn(
  invocation: Invocation,
  host: HostOptions,
  runDirectory: RunDirectory,
  { resolved, source, before }: Training,
): Promise<number> {
  const { values, terminal } = invocation;
  const { experiment } = resolved;
  const { path } = runDirectory;
  const layout = modelLayout(experiment, source);
  await runDirectory.writeExperiment(experiment);
  describeRun(invocation, resolved, source, path, before);
  const optimizer = createOuterOptimizer(experiment, layout);
  const start: Checkpoint = {
    ...(before?.checkpoint ?? {
      runId: runDirectory.runId,
      step: 0,
      params: initialParams(experiment, source),
      optimizer: optimizer.init(layout.size),
      layout,
      dataHash: source.dataHash,
    }),
    experiment,
  };
  // From here on --resume works, whenever this process is killed: with the experiment as it is now.
  const isChanged = JSON.stringify(before?.checkpoint.experiment) !== JSON.stringify(experiment);
  if (isChanged) await runDirectory.save(start);
  const { steps, metaBatch, tasksPerLeaf, evaluation } = experiment;
  const started = performance.now();
  const outcome = await coordinate(invocation, host, {
    experiment,
    source,
    runDirectory,
    runId: runDirectory.runId,
    start,
    evaluations: evaluationsIn(before),
    plan: {
      type: "train",
      metaBatch,
      tasksPerLeaf,
      steps,
      evaluateEvery: evaluation.every,
      validationTasks: evaluation.validationTasks,
      testTasks: evaluation.testTasks,
      outer: optimizer,
      checkpointEverySteps: values["checkpoint-every"]!,
      checkpointEveryMs: CHECKPOINT_MS,
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const tasksPerSecond = ((outcome.step - start.step) * metaBatch) / seconds;
  const { code, message, step, paramsHash } = outcome;
  const done = {
    event: "done",
    outcome: outcome.type,
    step,
    paramsHash,
    ...doneSummary(experiment, outcome.evaluations),
    seconds,
    tasksPerSecond,
    ...(values.device === undefined ? {} : { device: values.device }),
    runDir: path,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  };
  await runDirectory.writeSummary(done).catch((error: Error) => {
    terminal.line(`summary.json could not be written: ${error.message}`);
  });
  if (outcome.type === "complete") await reportOn(invocation, path, source);
  terminal.json(done);
  const again = resumeCommand(invocation, host.localWorkers === 0 ? "coordinator" : "train", path);
  concludeRun(invocation, outcome, again, path, seconds, resolved);
  return exitCodeOf(outcome);
}

/** Writes `report.html`; a run is no less complete without it. */
async function reportOn({ terminal }: Invocation, path: string, source: TaskSource): Promise<void> {
  const file = join(path, "report.html");
  try {
    const { html } = await makeReport({ path, checkpoint: await loadCheckpoint(path), source });
    await writeFile(file, html);
    terminal.line(`report: ${file}`);
  } catch (error) {
    terminal.line(`${file} could not be written: ${(error as Error).message}`);
  }
}

/** Evaluates a checkpoint over held-out tasks with a coordinator in this process: `shoal evaluate`. */
export async function hostEvaluation(invocation: Invocation, checkpoint: Checkpoint): Promise<number> {
  const { values, terminal } = invocation;
  const stored = parseExperiment(checkpoint.experiment);
  const innerSteps = values["test-steps"] ?? stored.evaluation.innerSteps;
  const batchNorm = values["test-batch-norm"] ?? stored.evaluation.batchNorm;
  // The experiment travels as JSON, which has no `undefined`.
  const evaluation = { ...stored.evaluation, innerSteps, ...(batchNorm === undefined ? {} : { batchNorm }) };
  const experiment = parseExperiment({ ...stored, evaluation });
  const source = await openSource(invocation, experiment);
  if (checkpoint.dataHash !== null && checkpoint.dataHash !== source.dataHash) {
    throw new ShoalError(
      "E_DATA_HASH",
      `data: the checkpoint was trained on data ${checkpoint.dataHash.slice(0, 12)}, here is ${source.dataHash.slice(0, 12)} ` +
        `(${source.description}): its test classes may be others; give the same files with --data`,
    );
  }
  const started = performance.now();
  const outcome = await coordinate(
    invocation,
    { localWorkers: values.workers!, address: "127.0.0.1", port: 0 },
    {
      experiment,
      source,
      runDirectory: null,
      runId: randomUUID(),
      start: checkpoint,
      evaluations: [],
      plan: {
        type: "evaluate",
        split: values.split ?? "test",
        tasks: values.tasks ?? stored.evaluation.testTasks,
        tasksPerLeaf: experiment.tasksPerLeaf,
      },
    },
  );
  terminal.json({
    event: "done",
    outcome: outcome.type,
    step: outcome.step,
    paramsHash: outcome.paramsHash,
    ...doneSummary(experiment, outcome.evaluations),
    seconds: (performance.now() - started) / 1000,
  });
  return exitCodeOf(outcome);
}

interface RunSpec {
  readonly experiment: Experiment;
  readonly source: TaskSource;
  readonly runDirectory: RunDirectory | null;
  readonly runId: string;
  readonly start: Pick<Checkpoint, "step" | "params" | "optimizer">;
  readonly evaluations: readonly Evaluation[];
  readonly plan: Plan;
}

/** Starts the coordinator and the local workers, shows what happens, and waits for the end. */
async function coordinate(invocation: Invocation, host: HostOptions, run: RunSpec): Promise<Outcome> {
  const { values, terminal, log, signal } = invocation;
  const listening = await secureListening(host.address, values, run.runDirectory?.path ?? null);
  const { certificate, tokenFile } = listening;
  const { experiment, source } = run;
  const show = showRun(terminal, experiment, dataText(source), run.start.step);
  const coordinator = await startCoordinator({
    experiment,
    runId: run.runId,
    incarnation: run.runDirectory?.incarnation ?? 1,
    layout: modelLayout(experiment, source),
    dataHash: source.dataHash,
    start: { ...run.start, evaluations: run.evaluations },
    plan: run.plan,
    ...(source.partOf === undefined ? {} : { partOf: source.partOf }),
    statNames: {
      train: trainProgram(experiment, source).statNames,
      evaluate: evaluateProgram(experiment, source, "test").statNames,
    },
    runDirectory: run.runDirectory,
    workersMin: values["min-workers"] ?? 1,
    ...(values["log-gradient-mb"] === undefined
      ? {}
      : { logGradientBytesMax: 2 ** 20 * values["log-gradient-mb"] }),
    hedge: values["no-hedge"] !== true,
    ...(values.audit === undefined ? {} : { audit: values.audit }),
    ...(values["wait-for"] === undefined ? {} : { workerWaitMs: 1000 * values["wait-for"] }),
    onEvent: (event) => {
      const { type, ...fields } = event;
      log.write(levelOf(event), type, fields);
      show(event);
    },
    listen: { host: host.address, port: host.port, ...(certificate === null ? {} : { tls: certificate }) },
    scopes: listening.scopes,
  });
  const url = advertisedUrl(coordinator.url, values);
  const markEnd =
    run.runDirectory === null
      ? null
      : publishRendezvous(run.runDirectory.path, {
          runId: run.runId,
          incarnation: run.runDirectory.incarnation,
          url,
          fingerprint: certificate?.fingerprint ?? null,
          tokenFile: listening.needsToken ? tokenFile : null,
        });
  const stop = (): void => coordinator.stop("interrupted");
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  describeListening(invocation, {
    ...listening,
    url,
    isAlone: host.localWorkers > 0,
    runDirectory: run.runDirectory,
  });
  const workers = new LocalWorkers({
    url: localUrl(coordinator.url),
    workers: host.localWorkers,
    threads:
      values.threads ?? Math.max(1, Math.floor(availableParallelism() / Math.max(1, host.localWorkers))),
    device: values.device ?? "cpu",
    data: taskSourceOptions(values),
    compileCache: graphCacheOf(values) !== null,
    tokenFile: listening.needsToken ? tokenFile : null,
    fingerprint: certificate?.fingerprint ?? null,
    log: values.log === undefined ? null : { file: values.log, level: values["log-level"]! },
    onEvent: (event) => {
      const { type, ...fields } = event;
      log.write("warn", type, fields);
      terminal.json({ event: type, ...fields });
      terminal.line(
        event.type === "local-worker-said"
          ? `${event.name}: ${event.text}`
          : `${event.name} ended (${event.how}); ${event.restartMs === null ? "it is not started again" : `started again in ${duration(event.restartMs)}`}`,
      );
    },
    isOver: () => coordinator.isOver,
    onAllGone: () =>
      coordinator.fail("E_WORKERS", "no local worker is left, and none is started again; see above"),
  });
  try {
    const outcome = await coordinator.finished;
    markEnd?.(outcome.type);
    return outcome;
  } finally {
    signal.removeEventListener("abort", stop);
    terminal.clearLive();
    await workers.close();
  }
}

async function openSource(
  { values, terminal, signal }: Invocation,
  experiment: Experiment,
): Promise<TaskSource> {
  const source = await openTaskSource(experiment.dataset, {
    seed: experiment.seed,
    tasksPerLeaf: experiment.tasksPerLeaf,
    ...taskSourceOptions(values),
    onProgress: showDataEvents(terminal),
    signal,
  });
  terminal.clearLive();
  return source;
}

function exitCodeOf(outcome: Outcome): number {
  if (outcome.type === "complete") return EXIT.done;
  if (outcome.type === "stopped") return EXIT.interrupted;
  return exitCodeFor(outcome.code ?? "E_BUG");
}
