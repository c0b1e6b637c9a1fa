import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { RENDEZVOUS_FILE } from "@shoal/coordinator";
import { ShoalError } from "@shoal/core/outer";
import type { ChildEvent } from "./child.ts";
import { CoordinatorSeat } from "./coordinator-seat.ts";
import type { Fault, FaultKind } from "./fault.ts";
import { FaultyProxy } from "./faulty-proxy.ts";
import { type Cast, inject } from "./inject.ts";
import { WorkerSlot } from "./worker-slot.ts";

export interface ChaosOptions {
  /** Of the run, and beside it of the processes' logs. */
  readonly directory: string;
  readonly workers: number;
  readonly schedule: readonly Fault[];
  /** Command line of the coordinator's first start, of all its starts, and of every worker. */
  readonly experiment: readonly string[];
  readonly coordinatorArgs: readonly string[];
  readonly workerArgs: readonly string[];
  readonly signal: AbortSignal;
  readonly tell: (event: ChaosEvent) => void;
}

export type ChaosEvent =
  | { readonly type: "fault"; readonly atMs: number; readonly kind: FaultKind; readonly text: string }
  | { readonly type: "fault-skipped"; readonly atMs: number; readonly kind: FaultKind; readonly text: string }
  | { readonly type: "surprise"; readonly atMs: number; readonly text: string }
  | { readonly type: "step"; readonly step: number; readonly steps: number };

export interface ChaosOutcome {
  readonly paramsHash: string;
  readonly steps: number;
  readonly ms: number;
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>;
  readonly skipped: number;
  readonly tasksCounted: number;
  readonly tasksComputed: number;
  readonly restartMs: readonly number[];
  readonly surprises: readonly string[];
}

/** A run that makes no step for so long is stuck, in ms: longer than the longest wait that ends by itself. */
const STUCK_MS = 240_000;

/** How long a fault waits for somebody whom it can happen to, and how often it looks, in ms. */
const PATIENCE_MS = 30_000;
const LOOK_MS = 50;

/** Pause before a process that ended by itself is started again, in ms. */
const AGAIN_MS = 500;

/** Processes that may end by themselves before the run is given up. */
const SURPRISES_MAX = 20;

/**
 * Runs an experiment as real processes, lets the schedule happen to them, and goes on until the run is complete.
 *
 * All processes are gone when it returns or throws.
 *
 * @throws {ShoalError} E_CHAOS if the run gets stuck or fails, E_INTERRUPTED if `signal` was aborted
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosOutcome> {
  const run = new ChaoticRun(options);
  const killAll = (): void => run.killNow();
  process.on("exit", killAll);
  try {
    return await run.run();
  } finally {
    await run.close();
    process.off("exit", killAll);
  }
}

class ChaoticRun {
  readonly #options: ChaosOptions;
  readonly #coordinator: CoordinatorSeat;
  readonly #workers: WorkerSlot[] = [];
  readonly #faults: Partial<Record<FaultKind, number>> = {};
  readonly #surprises: string[] = [];
  readonly #over = new AbortController();
  #skipped = 0;
  #tasksComputed = 0;
  #startedMs = performance.now();
  #lastStepMs = performance.now();
  #lastWait = "";
  #onStep: () => void = () => {};
  #onDone: (done: ChildEvent) => void = () => {};
  #onFailure: (error: Error) => void = () => {};

  constructor(options: ChaosOptions) {
    this.#options = options;
    mkdirSync(this.#logs, { recursive: true });
    this.#coordinator = new CoordinatorSeat({
      runDirectory: this.#runDirectory,
      experiment: options.experiment,
      args: options.coordinatorArgs,
      log: join(this.#logs, "coordinator.log"),
      onEvent: (event) => this.#take(event),
      onUnexpectedEnd: (how, lastWords) => {
        this.#surprise(`the coordinator ended by itself (${how}): ${lastWords}`);
        void this.#later(() => this.#coordinator.start(0));
      },
    });
  }

  async run(): Promise<ChaosOutcome> {
    const { signal, schedule } = this.#options;
    const firstStep = new Promise<void>((resolve) => {
      this.#onStep = resolve;
    });
    const done = new Promise<ChildEvent>((resolve, reject) => {
      this.#onDone = resolve;
      this.#onFailure = reject;
      signal.addEventListener("abort", () => reject(new ShoalError("E_INTERRUPTED", "stopped by its user")));
    });
    const watch = setInterval(() => this.#checkProgress(), 1_000);
    try {
      signal.throwIfAborted();
      this.#startedMs = performance.now();
      this.#coordinator.start(0);
      await this.#startWorkers();
      await Promise.race([firstStep, done]);
      const injecting = this.#injectAll(schedule);
      const { paramsHash, step } = await done;
      const ms = performance.now() - this.#startedMs;
      this.#over.abort();
      await injecting;
      return {
        paramsHash: String(paramsHash),
        steps: Number(step),
        ms,
        faults: this.#faults,
        skipped: this.#skipped,
        tasksCounted: tasksIn(join(this.#runDirectory, "metrics.jsonl")),
        tasksComputed: this.#tasksComputed,
        restartMs: this.#coordinator.restartMs,
        surprises: this.#surprises,
      };
    } finally {
      clearInterval(watch);
      this.#over.abort();
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#coordinator.close(), ...this.#workers.map((worker) => worker.close())]);
  }

  killNow(): void {
    this.#coordinator.killNow();
    for (const worker of this.#workers) worker.killNow();
  }

  get #runDirectory(): string {
    return join(this.#options.directory, "run");
  }

  get #logs(): string {
    return join(this.#options.directory, "logs");
  }

  /** All but the last go through a proxy of their own; that one finds its coordinator by the rendezvous file. */
  async #startWorkers(): Promise<void> {
    const { workers, workerArgs } = this.#options;
    for (let i = 0; i < workers; i++) {
      const isDirect = i > 0 && i === workers - 1;
      const proxy = isDirect ? null : await FaultyProxy.listen(() => this.#target());
      const name = `worker-${i + 1}`;
      const meeting =
        proxy === null
          ? ["--rendezvous", join(this.#runDirectory, RENDEZVOUS_FILE)]
          : ["--url", `ws://127.0.0.1:${proxy.port}`];
      this.#workers.push(
        new WorkerSlot({
          name,
          meeting,
          proxy,
          args: workerArgs,
          log: join(this.#logs, `${name}.log`),
          onUnexpectedEnd: (slot, how, lastWords) => {
            // Whoever has heard that the run is complete goes.
            if (this.#over.signal.aborted || how === "exit code 0") return;
            this.#surprise(`${slot.name} ended by itself (${how}): ${lastWords}`);
            void this.#later(() => slot.start());
          },
          onTasks: (tasks) => {
            this.#tasksComputed += tasks;
          },
        }),
      );
    }
  }

  #target(): { readonly host: string; readonly port: number } | null {
    const { port } = this.#coordinator;
    return port === null ? null : { host: "127.0.0.1", port };
  }

  async #injectAll(schedule: readonly Fault[]): Promise<void> {
    const cast: Cast = { coordinator: this.#coordinator, workers: this.#workers };
    const pending: Promise<void>[] = [];
    let lastMs = 0;
    for (const fault of schedule) {
      await this.#sleep(fault.atMs - lastMs);
      lastMs = fault.atMs;
      const { kind } = fault;
      // Whoever was killed a moment ago, or has not joined yet, is waited for: what follows comes later.
      let injected = inject(fault, cast, (text) => this.#surprise(text));
      for (let waits = 0; injected.type === "nobody" && waits < PATIENCE_MS / LOOK_MS; waits++) {
        await this.#sleep(LOOK_MS);
        if (this.#over.signal.aborted) break;
        injected = inject(fault, cast, (text) => this.#surprise(text));
      }
      if (this.#over.signal.aborted) break;
      const { text } = injected;
      if (injected.type === "nobody") {
        this.#skipped++;
        this.#options.tell({ type: "fault-skipped", atMs: this.#atMs, kind, text });
        continue;
      }
      this.#faults[kind] = (this.#faults[kind] ?? 0) + 1;
      pending.push(injected.over);
      this.#options.tell({ type: "fault", atMs: this.#atMs, kind, text });
    }
    // What is still held when the run is over ends with the processes.
    await Promise.race([Promise.all(pending), untilAborted(this.#over.signal)]);
  }

  #take(event: ChildEvent): void {
    switch (event.event) {
      case "step":
        this.#lastStepMs = performance.now();
        this.#onStep();
        this.#options.tell({ type: "step", step: Number(event.step), steps: Number(event.steps) });
        return;
      case "waiting":
        this.#lastWait = `waiting for ${String(event.workersMin)} workers, ready: ${JSON.stringify(event.ready)}, preparing: ${JSON.stringify(event.preparing)}`;
        return;
      case "result-mismatch":
        this.#surprise(`two workers computed ${String(event.tasks)} to different bits`);
        return;
      case "done":
        if (event.outcome === "complete") this.#onDone(event);
        else
          this.#onFailure(
            new ShoalError("E_CHAOS", `the run has ${String(event.outcome)}: ${String(event.message)}`),
          );
        return;
    }
  }

  #checkProgress(): void {
    const quietMs = performance.now() - this.#lastStepMs;
    if (quietMs < STUCK_MS) return;
    const workers = this.#workers.map(({ name, state }) => `${name} ${state}`).join(", ");
    const coordinator = this.#coordinator.isLeasing ? "leases work" : "has not leased work since its start";
    this.#onFailure(
      new ShoalError(
        "E_CHAOS",
        `the run is stuck: no step for ${Math.round(quietMs / 1000)} s; the coordinator ${coordinator}; ${workers}` +
          `${this.#lastWait === "" ? "" : `; it said last: ${this.#lastWait}`}; logs are in ${this.#logs}`,
      ),
    );
  }

  #surprise(text: string): void {
    this.#surprises.push(text);
    this.#options.tell({ type: "surprise", atMs: this.#atMs, text });
    if (this.#surprises.length < SURPRISES_MAX) return;
    this.#onFailure(new ShoalError("E_CHAOS", `${SURPRISES_MAX} surprises, the last: ${text}`));
  }

  get #atMs(): number {
    return performance.now() - this.#startedMs;
  }

  async #later(start: () => void): Promise<void> {
    await this.#sleep(AGAIN_MS);
    if (!this.#over.signal.aborted) start();
  }

  #sleep(ms: number): Promise<void> {
    return sleep(Math.max(0, ms), undefined, { signal: this.#over.signal }).catch(() => {});
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Tasks of all steps and evaluations in a `metrics.jsonl`. */
function tasksIn(file: string): number {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .reduce((sum, line) => sum + (JSON.parse(line) as { readonly tasks: number }).tasks, 0);
}
