import type { Optimizer } from "@shoal/core/outer";
import { type Checkpoint, loadCheckpoint, type RejectedCheckpoint } from "./checkpoint.ts";
import type { Disk } from "./disk.ts";
import { readLog } from "./journal/read-log.ts";
import { replayLog } from "./journal/replay-log.ts";
import { nodeDisk } from "./node-disk.ts";

export interface LastStep {
  /** The run's last committed step that the files prove. */
  readonly checkpoint: Checkpoint;
  /** The step of the checkpoint that was read; those after it are taken again by the log's gradients. */
  readonly savedStep: number;
}

export interface LastStepOptions {
  /** The outer optimizer of the run that a checkpoint is of. */
  readonly outerOf: (checkpoint: Checkpoint) => Optimizer;
  readonly onRejected?: (rejected: RejectedCheckpoint) => void;
  readonly disk?: Disk;
}

/**
 * Where a run stands: its newest whole checkpoint, gone on by the log. A checkpoint that is named by its file, or a
 * directory of checkpoints without a log, is taken as it is.
 *
 * Only reads, also beside a coordinator that runs; a record that is not whole (yet) ends what is read, and
 * `shoal verify` says why.
 *
 * @throws {ShoalError} E_CHECKPOINT if no checkpoint is whole
 */
export async function loadLastStep(path: string, options: LastStepOptions): Promise<LastStep> {
  const { outerOf, onRejected, disk = nodeDisk } = options;
  const saved = await loadCheckpoint(path, onRejected, disk);
  if ((await disk.find(path))?.type !== "directory") return { checkpoint: saved, savedStep: saved.step };
  const { rounds } = await readLog(disk, path, saved.step);
  const { step, params, optimizer } = replayLog(saved, rounds, outerOf(saved));
  return { checkpoint: { ...saved, step, params, optimizer }, savedStep: saved.step };
}
