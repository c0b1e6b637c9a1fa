import { join } from "node:path";
import { type Optimizer, paramsHash, ShoalError } from "@shoal/core/outer";
import { type Checkpoint, loadCheckpoint } from "./checkpoint.ts";
import type { Disk } from "./disk.ts";
import { checksum, ledgerPath } from "./journal/ledger.ts";
import { metricsPath } from "./journal/metrics-file.ts";
import { type ReadLog, readLog } from "./journal/read-log.ts";
import { describeFault } from "./journal/recover-run.ts";
import { replayLog } from "./journal/replay-log.ts";
import { nameOf, sha256, type VerifiedLedger, verifyLedger } from "./journal/verify-ledger.ts";
import { nodeDisk } from "./node-disk.ts";
import { readRun } from "./run-directory.ts";
import { readLock } from "./run-lock.ts";

/** One thing that was looked at. */
export interface RunCheck {
  readonly name: "experiment" | "checkpoints" | "log" | "ledger" | "metrics";
  /** `note`: worth knowing, and nothing is wrong. */
  readonly outcome: "ok" | "note" | "fault";
  readonly detail: string;
}

export interface VerifiedRun {
  readonly runId: string;
  /** How often a coordinator was started. */
  readonly starts: number;
  /** Committed steps that were looked at. */
  readonly step: number;
  /** Hash of the parameters of that step; null: nothing whole says it. */
  readonly paramsHash: string | null;
  /** Who writes to the directory now; null: nobody. */
  readonly writer: string | null;
  readonly isConsistent: boolean;
  readonly checks: readonly RunCheck[];
}

export interface VerifyOptions {
  readonly disk?: Disk;
  /** The outer optimizer of the run that a checkpoint is of. */
  readonly outerOf: (checkpoint: Checkpoint) => Optimizer;
}

/**
 * Proves a run directory consistent, or says what is not: every checkpoint has its hash; the log, replayed
 * from the oldest checkpoint, leads through every later one to the last step; every block of every round
 * counted exactly once; `metrics.jsonl` says what the ledger says; the experiment is the one that was run.
 *
 * Only reads, also while a coordinator writes: then it speaks of the steps that were committed when it began.
 *
 * @throws {ShoalError} E_RUN_DIRECTORY if there is no run, or its `run.json` is damaged
 */
export async function verifyRun(path: string, options: VerifyOptions): Promise<VerifiedRun> {
  const { disk = nodeDisk, outerOf } = options;
  const runPath = join(path, "run.json");
  if ((await disk.find(runPath)) === null) {
    throw new ShoalError("E_RUN_DIRECTORY", `${path}: expected a run directory, found no run.json in it`);
  }
  const run = await readRun(disk, runPath);
  const lock = await readLock(disk, path);
  const writer = lock?.isAlive === true ? lock.holder : null;
  // In the opposite order of writing: what a later file is checked against is in it already.
  const ledgerText = await readText(disk, ledgerPath(path));
  const metricsText = await readText(disk, metricsPath(path));
  const checks: RunCheck[] = [];
  const add = (name: RunCheck["name"], outcome: RunCheck["outcome"], detail: string): void => {
    checks.push({ name, outcome, detail });
  };
  const ledger = verifyLedger(ledgerText ?? "");
  const checkpoints = await readCheckpoints(disk, path, writer !== null, add);
  const oldest = checkpoints[0];
  const log = await readLog(disk, path, oldest?.step ?? 0);
  const hashes = oldest === undefined ? new Map<number, string>() : replay(log, checkpoints, outerOf, add);
  checkLog(log, writer !== null, add);
  const step = checkLedger(ledger, ledgerText !== null, hashes, log, add);
  checkMetrics(ledger, metricsText ?? "", log, add);
  checkExperiment(ledger, run.incarnation, await readText(disk, join(path, "experiment.json")), add);
  const isFaulty = (name: string): boolean =>
    checks.some((check) => check.name === name && check.outcome === "fault");
  return {
    runId: run.runId,
    starts: run.incarnation,
    step,
    paramsHash: hashes.get(step) ?? hashOfStep(ledger, step),
    writer,
    isConsistent: checks.every(({ outcome }) => outcome !== "fault"),
    // What is well with a file says little once something is wrong with it.
    checks: checks.filter(({ name, outcome }) => outcome === "fault" || !isFaulty(name)),
  };
}

type Add = (name: RunCheck["name"], outcome: RunCheck["outcome"], detail: string) => void;

/** The whole checkpoints, the oldest first. */
async function readCheckpoints(
  disk: Disk,
  path: string,
  isWritten: boolean,
  add: Add,
): Promise<Checkpoint[]> {
  const directory = join(path, "checkpoints");
  const names = (await disk.list(directory)).filter((name) => /^step-\d+\.json$/.test(name)).sort();
  const whole: Checkpoint[] = [];
  let faults = 0;
  for (const name of names) {
    try {
      whole.push(await loadCheckpoint(join(directory, name), () => {}, disk));
    } catch (error) {
      // The writer may have removed it since the directory was read.
      if (isWritten && (await disk.find(join(directory, name))) === null) continue;
      faults++;
      add("checkpoints", "fault", (error as Error).message);
    }
  }
  const steps = whole.map(({ step }) => step).join(", ");
  if (whole.length === 0) add("checkpoints", "fault", "none is whole");
  else if (faults === 0) add("checkpoints", "ok", `${whole.length} whole, of steps ${steps}`);
  return whole;
}

/** Hashes of the parameters after each step that is proved: by a checkpoint, or by replaying the log. */
function replay(
  log: ReadLog,
  checkpoints: readonly Checkpoint[],
  outerOf: (checkpoint: Checkpoint) => Optimizer,
  add: Add,
): ReadonlyMap<number, string> {
  const hashes = new Map<number, string>();
  let replayedSteps = 0;
  for (const [i, checkpoint] of checkpoints.entries()) {
    const { step } = checkpoint;
    const hash = paramsHash(checkpoint.params);
    const proved = hashes.get(step);
    if (proved !== undefined && proved !== hash) {
      add("log", "fault", `replayed to step ${step} it leads to other parameters than that checkpoint's`);
    }
    hashes.set(step, hash);
    const until = checkpoints[i + 1]?.step ?? Number.POSITIVE_INFINITY;
    const rounds = log.rounds.filter(({ head }) => head.version >= step && head.version < until);
    const replayed = replayLog(checkpoint, rounds, outerOf(checkpoint));
    for (const { head } of replayed.rounds) {
      if (head.purpose === "train") hashes.set(head.version + 1, head.paramsHash);
    }
    replayedSteps += replayed.step - step;
    const { stoppedBy } = replayed;
    if (stoppedBy === null) continue;
    const what = `after step ${stoppedBy.step - 1} it does not go on, although it holds step ${stoppedBy.lastStep}`;
    if (stoppedBy.type === "no-gradient") {
      add("log", "note", `step ${stoppedBy.step} was logged without its gradient: not replayed`);
    } else if (stoppedBy.type === "missing") {
      add("log", "fault", `${what}: step ${stoppedBy.step} is missing or damaged`);
    } else {
      add(
        "log",
        "fault",
        `the gradient of step ${stoppedBy.step} does not lead to the parameters that it names`,
      );
    }
  }
  const first = checkpoints[0]!.step;
  add("log", "ok", `${replayedSteps} steps replayed from step ${first}, each to its hash`);
  return hashes;
}

function checkLog(log: ReadLog, isWritten: boolean, add: Add): void {
  const last = log.segments.at(-1);
  for (const fault of log.faults) {
    const isTail = fault.type === "cut-off";
    if (isTail && isWritten && fault.path.endsWith(last!.name)) continue;
    add("log", isTail ? "note" : "fault", describeFault(fault));
  }
}

/** @returns the committed steps that the ledger and the log speak of */
function checkLedger(
  ledger: VerifiedLedger,
  isThere: boolean,
  hashes: ReadonlyMap<number, string>,
  log: ReadLog,
  add: Add,
): number {
  for (const detail of ledger.faults) add("ledger", "fault", detail);
  for (const detail of ledger.notes) add("ledger", "note", detail);
  const logged = new Set(log.rounds.map(({ head }) => `${head.purpose} ${head.version}`));
  const trained = new Map(
    [...ledger.rounds.values()]
      .filter(({ purpose }) => purpose === "train")
      .map((round) => [round.version, round]),
  );
  const proved = Math.max(0, ...hashes.keys());
  const step = [...trained.keys()].reduce((last, version) => Math.max(last, version + 1), proved);
  const first = ledger.starts[0]?.step ?? step;
  if (!isThere && step > 0) add("ledger", "fault", "ledger.jsonl is missing");
  const awaited: number[] = [];
  for (let version = first; version < step; version++) {
    const round = trained.get(version);
    if (round === undefined) {
      if (logged.has(`train ${version}`)) awaited.push(version + 1);
      else if (isThere) add("ledger", "fault", `step ${version + 1} is missing`);
      continue;
    }
    const hash = hashes.get(version + 1);
    if (hash !== undefined && hash !== round.paramsHash) {
      add("ledger", "fault", `step ${version + 1} names other parameters than its checkpoint or the log`);
    }
  }
  if (awaited.length > 0) {
    add("ledger", "note", `${awaited.length} steps are in the log only; the next start writes them`);
  }
  for (const { head } of log.rounds) {
    const entry = ledger.all.get(`${head.incarnation} ${head.round}`);
    if (entry === undefined || JSON.stringify(entry.blocks) === JSON.stringify(head.blocks)) continue;
    add("ledger", "fault", `${nameOf(head)} names other blocks than the log`);
  }
  for (const start of ledger.starts) {
    const hash = hashes.get(start.step);
    if (hash === undefined || hash === start.paramsHash) continue;
    add(
      "ledger",
      "fault",
      `start ${start.incarnation} began with other parameters than those of step ${start.step}`,
    );
  }
  const rounds = ledger.rounds.size;
  if (isThere)
    add("ledger", "ok", `${rounds} rounds, every leaf of each counted once; ${ledger.starts.length} starts`);
  return step;
}

function checkMetrics(ledger: VerifiedLedger, text: string, log: ReadLog, add: Add): void {
  const lines = new Map<string, number>();
  for (const line of text.split("\n").slice(0, -1)) {
    lines.set(checksum(line), (lines.get(checksum(line)) ?? 0) + 1);
  }
  const logged = new Set(log.rounds.map(({ head }) => `${head.incarnation} ${head.round}`));
  let found = 0;
  let awaited = 0;
  for (const round of ledger.rounds.values()) {
    const times = lines.get(round.metric) ?? 0;
    if (times === 1) found++;
    else if (times > 1) add("metrics", "fault", `the line of ${nameOf(round)} is there ${times} times`);
    else if (logged.has(`${round.incarnation} ${round.round}`)) awaited++;
    else
      add(
        "metrics",
        "fault",
        `the line of ${nameOf(round)} is missing, or not the one that the ledger names`,
      );
  }
  if (awaited > 0) add("metrics", "note", `${awaited} lines are in the log only; the next start writes them`);
  add("metrics", "ok", `${found} lines are those that the ledger names`);
}

function checkExperiment(ledger: VerifiedLedger, incarnation: number, text: string | null, add: Add): void {
  const last = ledger.starts.at(-1);
  if (last === undefined) return;
  if (text === null) add("experiment", "fault", "experiment.json is missing");
  else if (sha256(text) === last.experimentHash) {
    add("experiment", "ok", `experiment.json is that of start ${last.incarnation}`);
  } else if (incarnation > last.incarnation) {
    add("experiment", "note", `start ${incarnation} wrote experiment.json and ended before its first round`);
  } else {
    add("experiment", "fault", `experiment.json is not the one that start ${last.incarnation} ran`);
  }
}

function hashOfStep(ledger: VerifiedLedger, step: number): string | null {
  const rounds = [...ledger.rounds.values()];
  return (
    rounds.find(({ purpose, version }) => purpose === "train" && version + 1 === step)?.paramsHash ?? null
  );
}

async function readText(disk: Disk, path: string): Promise<string | null> {
  return (await disk.find(path)) === null ? null : new TextDecoder().decode(await disk.read(path));
}
