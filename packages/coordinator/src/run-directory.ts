import { existsSync } from "node:fs";
import { appendFile, mkdir, open, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { z } from "zod";
import { type Checkpoint, type SavedCheckpoint, saveCheckpoint } from "./checkpoint.ts";
import { LOCK_STALE_MS, LOCK_TOUCH_MS } from "./limits.ts";
import { writeDurably } from "./write-durably.ts";

/** What stays the same over the starts of one run. */
const runSchema = z.object({
  format: z.literal(1),
  runId: z.string(),
  /** Raised by every start. */
  incarnation: z.int().min(1),
});

/**
 * A run on disk: `run.json`, `experiment.json`, `metrics.jsonl`, `checkpoints/`, `summary.json`, and a
 * lock that keeps two coordinators apart.
 */
export class RunDirectory {
  readonly path: string;
  readonly runId: string;
  readonly incarnation: number;
  readonly #touch: NodeJS.Timeout;
  /** Appends wait for each other, so that lines stay whole. */
  #appending: Promise<void> = Promise.resolve();

  private constructor(path: string, runId: string, incarnation: number) {
    this.path = path;
    this.runId = runId;
    this.incarnation = incarnation;
    this.#touch = setInterval(() => {
      void utimes(lockPath(path), new Date(), new Date()).catch(() => {
        // The next start will find the lock stale; nothing else depends on it.
      });
    }, LOCK_TOUCH_MS);
    this.#touch.unref();
  }

  /**
   * Takes a run directory over: a new one with `runId`, or an old one to go on with.
   *
   * @throws {ShoalError} E_RUN_DIRECTORY if it cannot be made, holds a run already (`resume` false), or
   *   none (`resume` true); E_LOCKED if another coordinator has it
   */
  static async open(
    path: string,
    options: { readonly resume: boolean; readonly runId: string },
  ): Promise<RunDirectory> {
    const runPath = join(path, "run.json");
    const exists = existsSync(runPath);
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
      await mkdir(join(path, "checkpoints"), { recursive: true });
      await lock(path);
      return await RunDirectory.#takeOver(path, exists, options.runId);
    } catch (error) {
      if (error instanceof ShoalError) throw error;
      throw new ShoalError("E_RUN_DIRECTORY", `${path}: cannot be used: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Reads or makes `run.json`, and raises the incarnation; on an error the lock is given back. */
  static async #takeOver(path: string, exists: boolean, runId: string): Promise<RunDirectory> {
    const runPath = join(path, "run.json");
    try {
      const before = exists ? await readRun(runPath) : null;
      const incarnation = (before?.incarnation ?? 0) + 1;
      const run: z.infer<typeof runSchema> = { format: 1, runId: before?.runId ?? runId, incarnation };
      await writeDurably(runPath, [Buffer.from(`${JSON.stringify(run)}\n`)]);
      return new RunDirectory(path, run.runId, run.incarnation);
    } catch (error) {
      await rm(lockPath(path), { force: true });
      throw error;
    }
  }

  async writeExperiment(experiment: unknown): Promise<void> {
    await this.#write("experiment.json", experiment);
  }

  async writeSummary(summary: unknown): Promise<void> {
    await this.#write("summary.json", summary);
  }

  save(checkpoint: Checkpoint): Promise<SavedCheckpoint> {
    return saveCheckpoint(join(this.path, "checkpoints"), checkpoint);
  }

  /** Appends one line to `metrics.jsonl`. @throws what the disk says */
  appendMetric(metric: object): Promise<void> {
    const line = `${JSON.stringify(metric)}\n`;
    this.#appending = this.#appending.then(() => appendFile(join(this.path, "metrics.jsonl"), line));
    return this.#appending;
  }

  /**
   * Cuts what `metrics.jsonl` says about steps after `step`: they will be computed, and written, again.
   * The evaluations of `step` itself stay.
   */
  async rewindMetrics(step: number): Promise<readonly unknown[]> {
    const path = join(this.path, "metrics.jsonl");
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    const kept = text.split("\n").flatMap((line) => {
      const metric = parseMetric(line);
      return metric !== null && metric.step <= step ? [metric] : [];
    });
    await writeDurably(path, [Buffer.from(kept.map((metric) => `${JSON.stringify(metric)}\n`).join(""))]);
    return kept;
  }

  /** Gives the lock back. */
  async close(): Promise<void> {
    clearInterval(this.#touch);
    await this.#appending.catch(() => {
      // Told to whoever appended.
    });
    await rm(lockPath(this.path), { force: true });
  }

  async #write(name: string, value: unknown): Promise<void> {
    await writeDurably(join(this.path, name), [Buffer.from(`${JSON.stringify(value, null, 2)}\n`)]);
  }
}

/** @throws {ShoalError} E_RUN_DIRECTORY if it is damaged */
async function readRun(runPath: string): Promise<z.infer<typeof runSchema>> {
  const text = await readFile(runPath, "utf8");
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

function parseMetric(line: string): { readonly step: number } | null {
  try {
    const metric: unknown = JSON.parse(line);
    const isMetric =
      typeof metric === "object" && metric !== null && "step" in metric && typeof metric.step === "number";
    return isMetric ? (metric as { step: number }) : null;
  } catch {
    // The last line of a process that was killed may be cut off.
    return null;
  }
}

function lockPath(path: string): string {
  return join(path, "lock.json");
}

/** @throws {ShoalError} E_LOCKED if a living coordinator holds the directory */
async function lock(path: string): Promise<void> {
  const file = lockPath(path);
  const content = JSON.stringify({ pid: process.pid, host: hostname() });
  try {
    const handle = await open(file, "wx");
    await handle.writeFile(content).catch(async (error: Error) => {
      await rm(file, { force: true });
      throw error;
    });
    await handle.close();
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const holder = await readHolder(file);
  const touched = (await stat(file)).mtimeMs;
  const isHere = holder !== null && holder.host === hostname();
  const isAlive = isHere ? isRunning(holder.pid) : Date.now() - touched < LOCK_STALE_MS;
  if (isAlive) {
    // A lock without a holder was made a moment ago and is being written.
    const who = holder === null ? "one that just started" : `process ${holder.pid} on ${holder.host}`;
    throw new ShoalError(
      "E_LOCKED",
      `${path}: another coordinator uses it (${who}); stop that one first, or remove ${file} if it is gone`,
    );
  }
  await writeFile(file, content);
}

async function readHolder(file: string): Promise<{ readonly pid: number; readonly host: string } | null> {
  try {
    return z.object({ pid: z.int(), host: z.string() }).parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
