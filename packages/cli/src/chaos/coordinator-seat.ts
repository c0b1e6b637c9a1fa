import { setTimeout as sleep } from "node:timers/promises";
import { Child, type ChildEvent } from "./child.ts";

export interface CoordinatorSeatOptions {
  readonly runDirectory: string;
  /** Of the first start: the experiment. */
  readonly experiment: readonly string[];
  /** Of every start. */
  readonly args: readonly string[];
  readonly log: string;
  readonly onEvent: (event: ChildEvent) => void;
  /** A process that nobody has ended has ended, and not because the run was complete. */
  readonly onUnexpectedEnd: (how: string, lastWords: string) => void;
}

/** The coordinator of the run: one process after the other over one run directory. */
export class CoordinatorSeat {
  /** From the start of each process but the first to its first leases, in ms. */
  readonly restartMs: number[] = [];
  readonly #options: CoordinatorSeatOptions;
  readonly #closing = new AbortController();
  #child: Child | null = null;
  #port: number | null = null;
  #starts = 0;
  #startedMs = 0;
  #isLeasing = false;
  #isKilled = false;
  #isDone = false;

  constructor(options: CoordinatorSeatOptions) {
    this.#options = options;
  }

  /** Where it listens; null: nowhere now. */
  get port(): number | null {
    return this.#child === null ? null : this.#port;
  }

  /** True once this process has given out leases. */
  get isLeasing(): boolean {
    return this.#isLeasing;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** @param port 0: any free one */
  start(port: number): void {
    if (this.#closing.signal.aborted) return;
    const { runDirectory, experiment, args, log } = this.#options;
    const what = this.#starts === 0 ? experiment : ["--resume"];
    this.#starts++;
    this.#startedMs = performance.now();
    this.#isLeasing = false;
    this.#isKilled = false;
    const child: Child = new Child({
      args: ["coordinator", "--run-dir", runDirectory, ...what, "--port", String(port), ...args, "--json"],
      environment: process.env,
      log,
      onEvent: (event) => this.#take(event),
      onEnd: (how) => {
        if (this.#child !== child) return;
        this.#child = null;
        this.#isLeasing = false;
        const isWanted = this.#isKilled || this.#isDone || this.#closing.signal.aborted;
        if (!isWanted) this.#options.onUnexpectedEnd(how, child.lastWords);
      },
    });
    this.#child = child;
  }

  /** SIGKILL, and a new process `restartMs` later that resumes the run. */
  async kill(restartMs: number, port: "same" | "new"): Promise<void> {
    const before = this.#port;
    await this.#end();
    await sleep(restartMs, undefined, { signal: this.#closing.signal }).catch(() => {});
    this.start(port === "same" ? (before ?? 0) : 0);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#end();
  }

  /** Kills the process at once, also where nothing can be waited for any more. */
  killNow(): void {
    this.#closing.abort();
    this.#child?.kill("SIGKILL");
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#isKilled = true;
    child.kill("SIGKILL");
    await child.ended;
  }

  #take(event: ChildEvent): void {
    if (event.event === "listening" && typeof event.url === "string")
      this.#port = Number(new URL(event.url).port);
    if (event.event === "done" && event.outcome === "complete") this.#isDone = true;
    // Where no worker is ready, a round that has begun gives out no leases.
    if (event.event === "round-started" && !this.#isLeasing && event.workersReady !== 0) {
      this.#isLeasing = true;
      if (this.#starts > 1) this.restartMs.push(performance.now() - this.#startedMs);
    }
    this.#options.onEvent(event);
  }
}
