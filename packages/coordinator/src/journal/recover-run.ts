import { join } from "node:path";
import type { Optimizer } from "@shoal/core/outer";
import { type Checkpoint, loadCheckpoint } from "../checkpoint.ts";
import type { Disk } from "../disk.ts";
import { AppendedFile } from "./appended-file.ts";
import { type LedgerRound, ledgerPath, ledgerRound, linkEntries, readLedgerEnd } from "./ledger.ts";
import { type Metric, metricsPath, restoreMetrics } from "./metrics-file.ts";
import { logDirectory, type ReadLog, readLog, type SegmentFault } from "./read-log.ts";
import { type Replayed, replayLog } from "./replay-log.ts";

/** Something that was not as it should be, and what was done about it; for people. */
export interface Finding {
  readonly path: string;
  readonly message: string;
}

export interface RecoverOptions {
  readonly disk: Disk;
  readonly path: string;
  /** The outer optimizer of the run that a checkpoint is of. */
  readonly outerOf: (checkpoint: Checkpoint) => Optimizer;
  readonly onFinding: (finding: Finding) => void;
}

/** What the files of a run say, read and not changed. */
export interface Read {
  /** The newest whole checkpoint, gone on to the last step of the log. */
  readonly checkpoint: Checkpoint;
  /** The step of the checkpoint that was read. */
  readonly savedStep: number;
  readonly replayed: Replayed;
  readonly log: ReadLog;
  /** Manifests of checkpoints that are not whole. */
  readonly rejected: readonly string[];
}

/** Where a run goes on. */
export interface Recovered {
  readonly checkpoint: Checkpoint;
  /** Steps that were taken again from the log. */
  readonly replayedSteps: number;
  /** The lines of `metrics.jsonl`. */
  readonly metrics: readonly Metric[];
  /** Segments that are damaged: to be put aside once the state has a checkpoint of its own. */
  readonly damagedSegments: readonly string[];
}

/**
 * The last committed step that the files prove: the newest whole checkpoint, and the steps behind it that
 * the log holds, each checked against its hash.
 *
 * @throws {ShoalError} E_CHECKPOINT if no checkpoint is whole
 */
export async function readRunState({ disk, path, outerOf, onFinding }: RecoverOptions): Promise<Read> {
  const rejected: string[] = [];
  const saved = await loadCheckpoint(
    path,
    ({ path, reason }) => {
      rejected.push(path);
      onFinding({ path, message: `${reason}; the one before is used` });
    },
    disk,
  );
  const log = await readLog(disk, path, saved.step);
  const last = log.segments.at(-1)?.incarnation;
  for (const fault of log.faults) {
    // A record that an earlier start found cut off was told then, and is computed again since.
    if (fault.type === "cut-off" && fault.incarnation !== last) continue;
    onFinding({ path: fault.path, message: describeFault(fault) });
  }
  const replayed = replayLog(saved, log.rounds, outerOf(saved));
  const { step, params, optimizer, stoppedBy } = replayed;
  if (stoppedBy !== null) {
    const why = {
      missing: `step ${stoppedBy.step} is missing or damaged`,
      "no-gradient": `step ${stoppedBy.step} was logged without its gradient`,
      wrong: `the gradient of step ${stoppedBy.step} does not lead to the parameters that its record names`,
    }[stoppedBy.type];
    onFinding({
      path: logDirectory(path),
      message: `${logDirectory(path)}: ${why}; steps ${stoppedBy.step} to ${stoppedBy.lastStep} are computed again`,
    });
  }
  return {
    checkpoint: { ...saved, step, params, optimizer },
    savedStep: saved.step,
    replayed,
    log,
    rejected,
  };
}

/**
 * Brings a run's files to its last committed step: `metrics.jsonl` and the ledger get the lines that a
 * crash has kept from them, damaged checkpoints are put aside under another name. Nothing that says
 * something is removed. The caller holds the run's lock.
 */
export async function recoverRun(options: RecoverOptions): Promise<Recovered> {
  const { disk, path, onFinding } = options;
  const { checkpoint, savedStep, replayed, log, rejected } = await readRunState(options);
  // What a killed process has written and not synced, the steps to come are built on: it must not go any more.
  await disk.syncDirectory(join(path, "checkpoints"));
  await syncLog(disk, path, log);
  for (const manifest of rejected) {
    for (const file of [manifest, manifest.replace(/\.json$/, ".safetensors")]) await setAside(disk, file);
  }
  const heads = replayed.rounds.map(({ head }) => head);
  const { metrics, damagedLines } = await restoreMetrics(
    disk,
    path,
    checkpoint.step,
    heads.map(({ metric }) => metric as Metric),
  );
  if (damagedLines > 0) {
    const file = metricsPath(path);
    onFinding({
      path: file,
      message: `${file}: ${damagedLines} damaged lines; kept as ${file}.damaged, the others are used`,
    });
  }
  const ledger = await readLedgerEnd(disk, path, savedStep);
  if (ledger.damagedLines > 0) {
    const file = ledgerPath(path);
    const message = `${file}: ${ledger.damagedLines} damaged lines, left as they are; shoal verify names them`;
    onFinding({ path: file, message });
  }
  const keyOf = ({ incarnation, round }: LedgerRound): string => `${incarnation} ${round}`;
  const written = new Set(ledger.rounds.map(keyOf));
  const missing = heads.map(ledgerRound).filter((entry) => !written.has(keyOf(entry)));
  const { text } = linkEntries(ledger.hash, missing);
  const file = new AppendedFile(disk, ledgerPath(path), ledger.bytes);
  await file.append([Buffer.from(text)], true);
  await file.close();
  const damaged = log.faults.filter(({ type }) => type === "damaged").map(({ path }) => path);
  return {
    checkpoint,
    replayedSteps: checkpoint.step - savedStep,
    metrics,
    damagedSegments: [...new Set(damaged)],
  };
}

async function syncLog(disk: Disk, path: string, { segments }: ReadLog): Promise<void> {
  for (const { name } of segments) {
    const file = join(logDirectory(path), name);
    const found = await disk.find(file);
    if (found === null) continue;
    const segment = new AppendedFile(disk, file, found.bytes);
    await segment.sync();
    await segment.close();
  }
}

/** Gives a damaged file a name under which nothing reads it; it may be looked at. */
export async function setAside(disk: Disk, path: string): Promise<void> {
  if ((await disk.find(path)) === null) return;
  let name = `${path}.damaged`;
  for (let count = 2; (await disk.find(name)) !== null; count++) name = `${path}.damaged-${count}`;
  await disk.rename(path, name);
}

export function describeFault({ path, offset, bytes, type, reason }: SegmentFault): string {
  const what = type === "cut-off" ? "its last record is cut off" : "is damaged";
  return `${path}: ${what} at byte ${offset} (${reason}; ${bytes} bytes are not used)`;
}
