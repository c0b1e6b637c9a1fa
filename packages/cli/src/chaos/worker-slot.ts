import { setTimeout as sleep } from "node:timers/promises";
import { tunedEnvironment } from "../tuned-environment.ts";
import { Child, type ChildEvent } from "./child.ts";
import type { FaultyProxy } from "./faulty-proxy.ts";

/**
 * - `starting`: a process that has not computed yet
 * - `working`: a process that is there for the run
 * - `held`: a process that a fault has stopped or told to leave
 * - `down`: no process; one will be started
 */
export type SlotState = "starting" | "working" | "held" | "down";

export interface WorkerSlotOptions {
  readonly name: string;
  /** How it finds its coordinator: by its proxy's URL, or by the rendezvous file. */
  readonly meeting: readonly string[];
  /** Null: it meets the coordinator itself. */
  readonly proxy: FaultyProxy | null;
  readonly args: readonly string[];
  readonly log: string;
  /** A process that nobody has ended has ended. */
  readonly onUnexpectedEnd: (slot: WorkerSlot, how: string, lastWords: string) => void;
  readonly onTasks: (taskCount: number) => void;
}

/** How long a worker that was told to leave may take, in ms: twice what it promises. */
const LEAVE_MS = 30_000;

/** A worker of the run: one process after the other under one name. */
export class WorkerSlot {
  readonly name: string;
  readonly proxy: FaultyProxy | null;
  readonly #options: WorkerSlotOptions;
  readonly #closing = new AbortController();
  #child: Child | null = null;
  #state: SlotState = "down";

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
    this.name = options.name;
    this.proxy = options.proxy;
    this.start();
  }

  get state(): SlotState {
    return this.#state;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): void {
    if (this.#closing.signal.aborted) return;
    const { name, meeting, args, log } = this.#options;
    this.#state = "starting";
    const child: Child = new Child({
      args: ["worker", "--name", name, ...meeting, ...args, "--json"],
      environment: tunedEnvironment(process.env),
      log,
      onEvent: (event) => this.#take(event),
      onEnd: (how) => {
        if (this.#child !== child) return;
        const isWanted = this.#state === "held" || this.#closing.signal.aborted;
        this.#child = null;
        this.#state = "down";
        if (!isWanted) this.#options.onUnexpectedEnd(this, how, child.lastWords);
      },
    });
    this.#child = child;
  }

  /** SIGKILL, and a new process `restartMs` later. */
  async kill(restartMs: number): Promise<void> {
    await this.#end("SIGKILL");
    await this.#restart(restartMs);
  }

  /**
   * SIGTERM, and a new process `restartMs` after it has left.
   *
   * @returns false if it had to be killed
   */
  async term(restartMs: number): Promise<boolean> {
    const late = AbortSignal.any([AbortSignal.timeout(LEAVE_MS), this.#closing.signal]);
    const hasLeft = await Promise.race([
      this.#end("SIGTERM").then(() => true),
      new Promise<false>((resolve) => late.addEventListener("abort", () => resolve(false))),
    ]);
    if (!hasLeft) await this.#end("SIGKILL");
    await this.#restart(restartMs);
    return hasLeft || this.#closing.signal.aborted;
  }

  /** SIGSTOP, and SIGCONT `ms` later. */
  async stop(ms: number): Promise<void> {
    const child = this.#child;
    this.#state = "held";
    child?.kill("SIGSTOP");
    await this.#sleep(ms);
    child?.kill("SIGCONT");
    if (this.#child === child && child !== null) this.#state = "working";
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#end("SIGKILL");
    await this.proxy?.close();
  }

  /** Kills the process at once, also where nothing can be waited for any more. */
  killNow(): void {
    this.#closing.abort();
    this.#child?.kill("SIGKILL");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#state = "held";
    child.kill(signal);
    await child.ended;
  }

  async #restart(restartMs: number): Promise<void> {
    await this.#sleep(restartMs);
    if (this.#child === null) this.start();
  }

  #sleep(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {});
  }

  #take(event: ChildEvent): void {
    if (event.event !== "worker") return;
    if (event.type === "ready" && this.#state === "starting") this.#state = "working";
    if (event.type === "block" && typeof event.taskCount === "number") this.#options.onTasks(event.taskCount);
  }
}
