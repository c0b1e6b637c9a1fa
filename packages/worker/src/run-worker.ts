import { hostname } from "node:os";
import type { GraphCache } from "@shoal/graph/run";
import {
  type Clock,
  connectWebSocket,
  ProtocolError,
  sleep,
  systemClock,
  type Welcome,
  type WorkerConnection,
} from "@shoal/protocol";
import type { BlockProgram } from "./block-program.ts";
import { type ComputeDevice, Program } from "./program.ts";
import { Session } from "./session.ts";
import type { FinishedBlock, SessionEnd } from "./session-options.ts";
import { WaitWatch } from "./wait-watch.ts";
import type { WorkerEvent } from "./worker-event.ts";

export interface RunWorkerOptions {
  /** `ws://HOST:PORT` of the coordinator, or `wss:`; for messages alone where `connect` is given. */
  readonly url: string;
  readonly token?: string;
  /** SHA-256 (lower-case hex) that the certificate at a `wss:` URL must have. Default: see `connectWebSocket`. */
  readonly fingerprint?: string;
  /** Name for people. Default: host and pid. */
  readonly name?: string;
  /** Version of this program, for the coordinator's log. */
  readonly version: string;
  /** What to compute on; at least one. */
  readonly devices: readonly ComputeDevice[];
  /** URL of a compiled module with `openTaskSource(experiment, options): Promise<TaskSource>`. */
  readonly taskSourceModule: string;
  /** Passed to it; plain data. */
  readonly taskSourceOptions: unknown;
  /** Where compiled graphs are kept; null: nowhere. Default: null. */
  readonly graphCache?: Pick<GraphCache, "directory"> | null;
  /** How long to look for a coordinator, at first and after it was lost, in ms. */
  readonly reconnectForMs: number;
  /** Gives all leases back and leaves. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: WorkerEvent) => void;
  /** Makes a connection. Default: a WebSocket to `url`. */
  readonly connect?: (signal: AbortSignal) => Promise<WorkerConnection>;
  /**
   * Makes what computes a run's blocks; it is made anew for every run. Default: a `Program` on `devices`. Nobody
   * waits for it any more once `signal` is aborted.
   */
  readonly openProgram?: (
    experiment: unknown,
    welcome: Welcome,
    signal: AbortSignal,
  ) => Promise<BlockProgram>;
  /** What `openProgram` waits for, in words that the coordinator shows. Default: data. */
  readonly prepares?: "data" | "workers";
  /** Default: the clock of this process. */
  readonly clock?: Clock;
  /** Uniform in [0, 1), for the pauses between attempts. Default: `Math.random`. */
  readonly uniform?: () => number;
  /** Which process this is, for the coordinator's log. Default: this one. */
  readonly identity?: { readonly host: string; readonly pid: number };
}

export interface WorkerOutcome {
  /** `complete`, `stopped` and `failed` are the run's end; `left` is this worker's own. */
  readonly outcome: "complete" | "stopped" | "failed" | "left";
  readonly message: string;
  /** What went wrong, where this worker is the one that failed. */
  readonly code?: string;
}

/** First and longest pause between two attempts to connect, in ms. */
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 1_000;

/**
 * Works for a coordinator until the run is over, reconnecting when the connection is lost.
 *
 * Never rejects: every end is an outcome. Programs stay open over reconnects, and finished blocks are
 * handed to the same run again.
 */
export async function runWorker(options: RunWorkerOptions): Promise<WorkerOutcome> {
  const worker = new Worker(options);
  try {
    return await worker.run();
  } finally {
    await worker.close();
  }
}

class Worker {
  readonly #options: RunWorkerOptions;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #onEvent: (event: WorkerEvent) => void;
  readonly #waits: WaitWatch;
  readonly #closing = new AbortController();
  #program: { readonly key: string; readonly opening: Promise<BlockProgram> } | null = null;
  #session: Session | null = null;
  #finished: FinishedBlock[] = [];
  #runId: string | null = null;

  constructor(options: RunWorkerOptions) {
    this.#options = options;
    this.#signal = options.signal ?? new AbortController().signal;
    this.#clock = options.clock ?? systemClock;
    const tell = options.onEvent ?? (() => {});
    this.#waits = new WaitWatch(this.#clock, () => this.#session?.leaseCount ?? 0, tell);
    this.#onEvent = (event) => {
      this.#waits.take(event);
      tell(event);
    };
  }

  async run(): Promise<WorkerOutcome> {
    let aloneSinceMs = this.#clock.nowMs();
    let retryMs = RETRY_MS_MIN;
    const { uniform = Math.random } = this.#options;
    for (;;) {
      const end = await this.#connectOnce();
      if (end.type !== "lost") return outcomeOf(end);
      if (end.hadContact) {
        aloneSinceMs = this.#clock.nowMs();
        retryMs = RETRY_MS_MIN;
      }
      const deadlineMs = this.#options.reconnectForMs - (this.#clock.nowMs() - aloneSinceMs);
      if (deadlineMs <= 0) {
        const seconds = Math.round(this.#options.reconnectForMs / 1000);
        return { outcome: "failed", code: "E_CONNECT", message: `${end.reason}; gave up after ${seconds} s` };
      }
      // Jitter: a coordinator that comes back is not met by all workers at once.
      const pauseMs = Math.min(retryMs * (0.5 + uniform() / 2), deadlineMs);
      this.#onEvent({ type: "waiting", reason: end.reason, retryMs: pauseMs, deadlineMs });
      await sleep(this.#clock, pauseMs, this.#signal);
      if (this.#signal.aborted) return outcomeOf({ type: "left" });
      retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
    }
  }

  async close(): Promise<void> {
    this.#waits.close();
    this.#closing.abort();
    const program = await this.#program?.opening.catch(() => null);
    await program?.close();
  }

  async #connectOnce(): Promise<SessionEnd & { readonly hadContact: boolean }> {
    let connection: WorkerConnection;
    try {
      connection = await this.#connect();
    } catch (error) {
      if (this.#signal.aborted) return { type: "left", hadContact: false };
      const { code, message } = error as ProtocolError;
      if (error instanceof ProtocolError && code !== "E_CONNECT") {
        return { type: "refused", code, message, hadContact: false };
      }
      return { type: "lost", reason: message, hadContact: false };
    }
    const { name, version, identity = { host: hostname(), pid: process.pid } } = this.#options;
    const session = new Session({
      connection,
      clock: this.#clock,
      name: name ?? `${identity.host}:${identity.pid}`,
      ...identity,
      version,
      finished: this.#finished,
      finishedRunId: this.#runId,
      openProgram: (welcome) => this.#openProgram(welcome),
      signal: this.#signal,
      onOrphan: (block) => {
        if (this.#session === null) this.#finished.push(block);
        else this.#session.handIn(block);
      },
      onEvent: this.#onEvent,
      wait: () => this.#waits.wait,
    });
    this.#session = session;
    const end = await session.run();
    this.#session = null;
    this.#finished = [...session.finished];
    this.#runId = session.runId;
    if (end.type === "lost") {
      this.#onEvent({ type: "lost", reason: end.reason, keptResults: this.#finished.length });
    }
    return { ...end, hadContact: session.hadContact };
  }

  #connect(): Promise<WorkerConnection> {
    const { url, token = null, fingerprint = null, connect } = this.#options;
    return connect?.(this.#signal) ?? connectWebSocket(url, { token, fingerprint, signal: this.#signal });
  }

  /** The program of an experiment; another experiment replaces it, and another run one that was made for its run. */
  async #openProgram(welcome: Welcome): Promise<BlockProgram> {
    const { experiment, runId } = welcome;
    const { openProgram } = this.#options;
    const key = JSON.stringify(openProgram === undefined ? experiment : [runId, experiment]);
    if (this.#program?.key !== key) {
      const before = await this.#program?.opening.catch(() => null);
      await before?.close();
      this.#onEvent({ type: "preparing", what: this.#options.prepares ?? "data" });
      this.#program = {
        key,
        opening: openProgram?.(experiment, welcome, this.#closing.signal) ?? this.#open(experiment),
      };
    }
    return this.#program.opening;
  }

  #open(experiment: unknown): Promise<BlockProgram> {
    const { devices, taskSourceModule, taskSourceOptions, graphCache = null } = this.#options;
    return Program.open({
      devices,
      taskSourceModule,
      taskSourceOptions,
      experiment,
      onDataOpen: () => this.#onEvent({ type: "compiling" }),
      graphCache: graphCache === null ? null : { ...graphCache, onEvent: this.#onEvent },
    });
  }
}

function outcomeOf(end: Exclude<SessionEnd, { type: "lost" }>): WorkerOutcome {
  switch (end.type) {
    case "done":
      return { outcome: end.outcome, message: end.message };
    case "left":
      return { outcome: "left", message: "left the run; its leases went back" };
    case "refused":
    case "unable":
      return { outcome: "failed", code: end.code, message: end.message };
  }
}
