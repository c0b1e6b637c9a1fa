import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { type Clock, systemClock } from "@shoal/protocol";
import { z } from "zod";
import { type Checkpoint, type SavedCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import type { Disk } from "./disk.ts";
import { Journal, type JournalOptions } from "./journal/journal.ts";
import { ledgerPath } from "./journal/ledger.ts";
import { listSegments, logDirectory } from "./journal/read-log.ts";
import {
  type Finding,
  type Recovered,
  type RecoverOptions,
  recoverRun,
  setAside,
} from "./journal/recover-run.ts";
import { LOCK_TOUCH_MS } from "./limits.ts";
import { nodeDisk } from "./node-disk.ts";
import { lockPath, takeLock } from "./run-lock.ts";
import { writeDurably } from "./write-durably.ts";

/** What stays the same over the starts of one run. */
const runSchema = z.object({
  format: z.literal(1),
  runId: z.string(),
  /** Raised by every start. */
  incarnation: z.int().min(1),
});

/**
 * A run on disk: `run.json`, `experiment.json`, `metrics.jsonl`, `ledger.jsonl`, `log/`, `checkpoints/`,
 * `summary.json`, and a lock that keeps two coordinators apart. `docs/durability.md` says what is in each.
 */
export class RunDirectory {
  readonly path: string;
  readonly runId: string;
  readonly incarnation: number;
  readonly #disk: Disk;
  readonly #stopTouching: () => void;

  private constructor(disk: Disk, clock: Clock, path: string, runId: string, incarnation: number) {
    this.#disk = disk;
    this.path = path;
    this.runId = runId;
    this.incarnation = incarnation;
    this.#stopTouching = clock.every(LOCK_TOUCH_MS, () => {
      void disk.touch(lockPath(path)).catch(() => {
        // The next start will find the lock stale; nothing else depends on it.
      });
    });
  }

  /**
   * Takes a run directory over: a new one with `runId`, or an old one to go on with. The `experiment` of a new run
   * is written before `run.json`: a run that is there says what it trains, whenever it was killed.
   *
   * @throws {ShoalError} E_RUN_DIRECTORY if it cannot be made, holds a run already (`resume` false), or
   *   none (`resume` true); E_LOCKED if another coordinator has it
   * @param disk where the files are, and `clock` when the lock is touched; a simulation brings its own
   */
  static async open(
    path: string,
    options: { readonly resume: boolean; readonly runId: string; readonly experiment?: unknown },
    disk: Disk = nodeDisk,
    clock: Clock = systemClock,
  ): Promise<RunDirectory> {
    const runPath = join(path, "run.json");
    const exists = (await disk.find(runPath)) !== null;
    if (options.resume && !exists) {
      throw new ShoalError("E_RUN_DIRECTORY", `${path}: expected a run to resume, found none (no run.json)`);
    }
    if (!options.resume && exists) {
      throw new ShoalError(
        "E_RUN_DIRECTORY",
        `${path}: holds a run already; go on with it by --resume, or name another directory`,
      );
    }
    try {
      await disk.makeDirectory(join(path, "checkpoints"));
      await disk.makeDirectory(logDirectory(path));
      await takeLock(disk, path);
      if (options.experiment !== undefined) await writeExperiment(disk, path, options.experiment);
      return await RunDirectory.#takeOver(disk, clock, path, exists, options.runId);
    } catch (error) {
      if (error instanceof ShoalError) throw error;
      throw new ShoalError("E_RUN_DIRECTORY", `${path}: cannot be used: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Reads or makes `run.json`, and raises the incarnation; on an error the lock is given back. */
  static async #takeOver(
    disk: Disk,
    clock: Clock,
    path: string,
    exists: boolean,
    runId: string,
  ): Promise<RunDirectory> {
    const runPath = join(path, "run.json");
    try {
      const before = exists ? await readRun(disk, runPath) : null;
      const incarnation = (before?.incarnation ?? 0) + 1;
      const run: z.infer<typeof runSchema> = { format: 1, runId: before?.runId ?? runId, incarnation };
      await writeDurably(disk, runPath, [Buffer.from(`${JSON.stringify(run)}\n`)]);
      return new RunDirectory(disk, clock, path, run.runId, run.incarnation);
    } catch (error) {
      await disk.remove(lockPath(path));
      throw error;
    }
  }

  async writeExperiment(experiment: unknown): Promise<void> {
    await writeExperiment(this.#disk, this.path, experiment);
  }

  /** @throws {ShoalError} E_RUN_DIRECTORY if it is missing or damaged */
  async readExperiment(): Promise<unknown> {
    const file = join(this.path, "experiment.json");
    try {
      return JSON.parse(new TextDecoder().decode(await this.#disk.read(file)));
    } catch (error) {
      throw new ShoalError(
        "E_RUN_DIRECTORY",
        `${file}: expected what the run trains, as JSON: ${(error as Error).message}; restore the file, or start a new run`,
        { cause: error },
      );
    }
  }

  /**
   * False where a start was ended between `run.json` and its first checkpoint: there is nothing to go on with, and
   * nothing is lost by beginning at step 0.
   */
  async hasBegun(): Promise<boolean> {
    const names = await this.#disk.list(join(this.path, "checkpoints"));
    if (names.some((name) => /^step-\d+\.json/.test(name))) return true;
    if ((await listSegments(this.#disk, this.path)).length > 0) return true;
    return (await this.#disk.find(ledgerPath(this.path))) !== null;
  }

  async writeSummary(summary: unknown): Promise<void> {
    await this.#write("summary.json", `${JSON.stringify(summary, null, 2)}\n`);
  }

  save(checkpoint: Checkpoint): Promise<SavedCheckpoint> {
    return saveCheckpoint(join(this.path, "checkpoints"), checkpoint, this.#disk);
  }

  /**
   * Brings the files of a run that was left, however it was left, to its last committed step.
   *
   * @throws {ShoalError} E_CHECKPOINT if no checkpoint is whole
   */
  async recover(
    outerOf: RecoverOptions["outerOf"],
    onFinding: (finding: Finding) => void = () => {},
  ): Promise<Recovered> {
    const recovered = await recoverRun({ disk: this.#disk, path: this.path, outerOf, onFinding });
    if (recovered.damagedSegments.length > 0) {
      // Only when nothing hangs on them any more.
      if (recovered.replayedSteps > 0) await this.save(recovered.checkpoint);
      for (const path of recovered.damagedSegments) await setAside(this.#disk, path);
    }
    return recovered;
  }

  /** Opens what the run's rounds are written to. */
  openJournal(options: Pick<JournalOptions, "fullDisk" | "onFailure">): Promise<Journal> {
    const { path, runId, incarnation } = this;
    return Journal.open({ disk: this.#disk, runPath: path, runId, incarnation, ...options });
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    this.#stopTouching();
    await this.#disk.remove(lockPath(this.path));
  }

  async #write(name: string, text: string): Promise<void> {
    await writeDurably(this.#disk, join(this.path, name), [Buffer.from(text)]);
  }
}

async function writeExperiment(disk: Disk, path: string, experiment: unknown): Promise<void> {
  await writeDurably(disk, join(path, "experiment.json"), [Buffer.from(experimentText(experiment))]);
}

/** The content of `experiment.json`. */
export function experimentText(experiment: unknown): string {
  return `${JSON.stringify(experiment, null, 2)}\n`;
}

/** @throws {ShoalError} E_RUN_DIRECTORY if it is damaged */
export async function readRun(disk: Disk, runPath: string): Promise<z.infer<typeof runSchema>> {
  const text = new TextDecoder().decode(await disk.read(runPath));
  try {
    return runSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new ShoalError(
      "E_RUN_DIRECTORY",
      `${runPath}: expected a run's format, id and incarnation, got ${JSON.stringify(text.slice(0, 60))}; ` +
        "restore the file, or start a new run",
      { cause: error },
    );
  }
}
