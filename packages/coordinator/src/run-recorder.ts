import { createHash } from "node:crypto";
import { paramsHash } from "@shoal/core/outer";
import type { Clock } from "@shoal/protocol";
import type { Checkpoint } from "./checkpoint.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";
import { bytesOfFloats } from "./float-bytes.ts";
import { FullDisk } from "./full-disk.ts";
import type { Journal } from "./journal/journal.ts";
import { FULL_DISK_MS, LOG_BYTES_PER_CHECKPOINT, LOG_GRADIENT_BYTES_MAX } from "./limits.ts";
import type { RoundWork } from "./round-work.ts";
import { experimentText } from "./run-directory.ts";
import type { RunOptions } from "./run-options.ts";
import type { Wait } from "./waits.ts";

/** What of a finished round is written down. */
export interface CommittedRound {
  readonly work: RoundWork;
  /** Parameters that follow; of an evaluation, those that were used. */
  readonly params: Float32Array;
  /** The line of `metrics.jsonl`. */
  readonly metric: Readonly<Record<string, unknown>>;
  /** The sum of the gradients; null for an evaluation. */
  readonly gradientSum: Float32Array | null;
  /** Names of all workers, by id. */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Writes down what a run does: every round in the journal, now and then a checkpoint. All of it goes on in
 * the background; without a run directory nothing does.
 */
export class RunRecorder {
  readonly #options: RunOptions;
  readonly #fullDisk: FullDisk;
  readonly #checkpoints: CheckpointWriter;
  readonly #onFailure: (code: string, message: string) => void;
  readonly #named = new Set<string>();
  #journal: Journal | null = null;
  #opening: Promise<void> = Promise.resolve();
  /** Of the parameters that count. */
  #hash: string;

  /** @param onFailure told when the disk refuses for good: the run cannot go on */
  constructor(options: RunOptions, clock: Clock, onFailure: (code: string, message: string) => void) {
    const { runDirectory, plan, start, onEvent } = options;
    this.#options = options;
    this.#onFailure = onFailure;
    this.#hash = paramsHash(start.params);
    this.#fullDisk = new FullDisk({ clock, waitMs: options.fullDiskMs ?? FULL_DISK_MS, onEvent });
    this.#checkpoints = new CheckpointWriter({
      runDirectory,
      startStep: start.step,
      clock,
      everySteps: plan.type === "train" ? plan.checkpointEverySteps : Number.POSITIVE_INFINITY,
      everyMs: plan.type === "train" ? plan.checkpointEveryMs : Number.POSITIVE_INFINITY,
      fullDisk: this.#fullDisk,
      beforeSave: () => this.#journal?.sync(),
      onSaved: (oldestStep) => this.#journal?.removeBefore(oldestStep),
      onEvent,
      onFailure: (message) => onFailure("E_CHECKPOINT_WRITE", message),
    });
  }

  /** Waits for room on the disk. */
  get waits(): readonly Wait[] {
    return this.#fullDisk.waits;
  }

  /** True while the next round should wait: the disk is full, or so slow that too much waits for it. */
  get isBehind(): boolean {
    return this.#journal?.isBehind ?? false;
  }

  /** Begins: the ledger says that a coordinator starts, and with what. @throws what the disk says */
  open(): Promise<void> {
    this.#opening = this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const { runDirectory, incarnation, start, experiment } = this.#options;
    if (runDirectory === null) return;
    this.#journal = await runDirectory.openJournal({
      fullDisk: this.#fullDisk,
      onFailure: ({ message }) => {
        this.#onFailure("E_DISK", `${runDirectory.path}: cannot be written: ${message}; ${ADVICE}`);
      },
    });
    const experimentHash = createHash("sha256").update(experimentText(experiment)).digest("hex");
    const { step } = start;
    this.#journal.start({ type: "start", incarnation, step, paramsHash: this.#hash, experimentHash });
  }

  /** Writes a finished round down. Its arrays must not be changed any more. */
  commit({ work, params, metric, gradientSum, names }: CommittedRound): void {
    if (this.#journal === null) return;
    const { spec, blocks, stats } = work;
    const parent = this.#hash;
    this.#hash = gradientSum === null ? parent : paramsHash(params);
    const bytesMax = this.#options.logGradientBytesMax ?? LOG_GRADIENT_BYTES_MAX;
    const gradient = gradientSum === null || gradientSum.byteLength > bytesMax ? null : gradientSum;
    const unnamed = new Set(blocks.map(([, , workerId]) => workerId).filter((id) => !this.#named.has(id)));
    for (const workerId of unnamed) this.#named.add(workerId);
    this.#journal.commit(
      {
        type: "round",
        incarnation: this.#options.incarnation,
        round: spec.number,
        purpose: spec.purpose,
        version: spec.version,
        leaves: spec.taskCount / spec.tasksPerLeaf,
        tasks: spec.taskCount,
        parent,
        paramsHash: this.#hash,
        workers: Object.fromEntries([...unnamed].map((id) => [id, names.get(id) ?? id])),
        blocks: [...blocks],
        metric,
        gradientFloats: gradient?.length ?? 0,
        statFloats: stats.length,
      },
      [...(gradient === null ? [] : [bytesOfFloats(gradient)]), bytesOfFloats(stats)],
    );
  }

  /** True when a checkpoint is due: by steps, by time, or by what a start would have to replay. */
  isCheckpointDue(step: number, nowMs: number): boolean {
    const logged = this.#journal?.bytesInSegment ?? 0;
    return logged >= LOG_BYTES_PER_CHECKPOINT || this.#checkpoints.isDue(step, nowMs);
  }

  /** Saves a checkpoint in the background, unless that of its step is saved. */
  save(checkpoint: Checkpoint): void {
    if (checkpoint.step === this.#checkpoints.savedStep) return;
    this.#journal?.beginSegment(checkpoint.step);
    this.#checkpoints.save(checkpoint);
  }

  /** From now on a full disk is not waited for. */
  giveUp(): void {
    this.#fullDisk.giveUp();
  }

  /** Waits until everything is durable. @returns why it is not, or null */
  async finish(): Promise<{ readonly code: string; readonly message: string } | null> {
    await this.#opening.catch(() => {
      // Told to whoever opened.
    });
    const unsaved = await this.#checkpoints.settle();
    const unwritten = await this.#journal?.close();
    if (unsaved !== null) return { code: "E_CHECKPOINT_WRITE", message: unsaved };
    if (unwritten == null) return null;
    return { code: "E_DISK", message: `the last rounds cannot be written: ${unwritten.message}; ${ADVICE}` };
  }
}

const ADVICE = "make room, then resume the run";
