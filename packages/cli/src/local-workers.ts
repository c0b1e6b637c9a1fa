import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { TaskSourceOptions } from "./task-source-module.ts";
import { tunedEnvironment } from "./tuned-environment.ts";

export interface LocalWorkersOptions {
  readonly url: string;
  readonly workers: number;
  /** Compute threads of each on the CPU. */
  readonly threads: number;
  /** What each computes on, as --device takes it. */
  readonly device: string;
  readonly data: TaskSourceOptions;
  readonly compileCache: boolean;
  /** Where their token is; null: they need none. */
  readonly tokenFile: string | null;
  /** Of the coordinator's certificate; null: no TLS. */
  readonly fingerprint: string | null;
  /** The file that their events are appended to; null: nowhere. */
  readonly log: { readonly file: string; readonly level: string } | null;
  readonly onEvent: (event: LocalWorkerEvent) => void;
  /** True once the run has ended: its workers end too, and none is started again. */
  readonly isOver: () => boolean;
  /** Called once every worker has ended and none is started again. */
  readonly onAllGone: () => void;
}

export type LocalWorkerEvent =
  | {
      readonly type: "local-worker-ended";
      readonly name: string;
      readonly how: string;
      readonly restartMs: number | null;
    }
  /** What a worker has to tell its user, or said last before it ended with an error. */
  | { readonly type: "local-worker-said"; readonly name: string; readonly text: string };

/** Restarts of one local worker before it is given up, and the pause before the first. */
const RESTARTS_MAX = 5;
const RESTART_MS = 500;
/** Last characters of a worker's standard error that are kept for a report. */
const TAIL = 2_000;

/**
 * Worker processes on this machine, over the same sockets as any other worker.
 *
 * A process that dies is started again, with growing pauses and a limit. All end with this process, also
 * when it is killed: each holds a channel to it, whose end ends the worker.
 */
export class LocalWorkers {
  readonly #options: LocalWorkersOptions;
  readonly #children = new Map<string, ChildProcess>();
  readonly #pauses = new Set<NodeJS.Timeout>();
  #closing = false;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    for (let i = 1; i <= options.workers; i++) this.#start(`local-${i}`, 0);
  }

  /** Ends all workers and waits until they are gone. */
  async close(): Promise<void> {
    this.#closing = true;
    for (const pause of this.#pauses) clearTimeout(pause);
    await Promise.all(
      [...this.#children.values()].map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            // A worker that was told that the run is over ends by itself; this is for the others.
            const kill = setTimeout(() => child.kill("SIGKILL"), 3_000);
            child.once("exit", () => {
              clearTimeout(kill);
              resolve();
            });
            child.kill("SIGTERM");
          }),
      ),
    );
  }

  #start(name: string, restarts: number): void {
    const { url, threads, device, data, compileCache, tokenFile, log, fingerprint, onEvent } = this.#options;
    const args = [
      "worker",
      "--url",
      url,
      "--name",
      name,
      "--threads",
      String(threads),
      "--device",
      device,
      "--cache-dir",
      data.cacheDir,
    ];
    if (data.dataDir !== undefined) args.push("--data", data.dataDir);
    if (!compileCache) args.push("--no-compile-cache");
    if (tokenFile !== null) args.push("--token-file", tokenFile);
    if (fingerprint !== null) args.push("--fingerprint", fingerprint);
    if (log !== null) args.push("--log", log.file, "--log-level", log.level);
    const script = fileURLToPath(new URL("../bin/shoal.js", import.meta.url));
    const child = spawn(process.execPath, [script, ...args], {
      // The worker's own lines are not for this command's reader; its errors are kept for a report.
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: tunedEnvironment(process.env),
    });
    this.#children.set(name, child);
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-TAIL);
    });
    child.on("message", (message) => {
      const text = noticeOf(message);
      if (text !== null) onEvent({ type: "local-worker-said", name, text });
    });
    child.once("exit", (code, signal) => {
      this.#children.delete(name);
      // A worker that ends well was told to leave. At a run's end its exit code says how the run ended.
      if (this.#closing || code === 0 || this.#options.isOver()) return;
      if (said.trim() !== "") onEvent({ type: "local-worker-said", name, text: said.trim() });
      // 2: the worker cannot do this work, however often it is started.
      const mayRestart = code !== 2 && restarts < RESTARTS_MAX;
      const restartMs = mayRestart ? RESTART_MS * 2 ** restarts : null;
      onEvent({ type: "local-worker-ended", name, how: signal ?? `exit code ${code}`, restartMs });
      if (restartMs === null) {
        if (this.#children.size === 0 && this.#pauses.size === 0) this.#options.onAllGone();
        return;
      }
      const pause = setTimeout(() => {
        this.#pauses.delete(pause);
        this.#start(name, restarts + 1);
      }, restartMs);
      this.#pauses.add(pause);
    });
  }
}

/** What a worker sends over its channel for people to read. */
function noticeOf(message: unknown): string | null {
  if (typeof message !== "object" || message === null || !("notice" in message)) return null;
  return typeof message.notice === "string" ? message.notice : null;
}
