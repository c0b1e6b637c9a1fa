import type { Clock } from "@shoal/protocol";
import type { World } from "./world.ts";

interface Timer {
  /** On the process's own clock. */
  dueMs: number;
  readonly intervalMs: number | null;
  readonly run: () => void;
  /** Raised when the timer is moved: what was arranged before does not count. */
  moves: number;
}

export interface ProcessOptions {
  readonly world: World;
  readonly name: string;
  /** What its clock shows at the start, in ms, and how many of its ms pass in one of the world's. */
  readonly clockStartMs: number;
  readonly clockRate: number;
  /** An exception that nobody caught: a real process would die of it. */
  readonly onException: (error: unknown) => void;
}

/**
 * One process of the simulation: a clock of its own, timers, and whatever is delivered to it. It can be
 * stopped and continued (SIGSTOP, SIGCONT), and it can die.
 */
export class SimulatedProcess {
  readonly name: string;
  readonly #world: World;
  readonly #rate: number;
  readonly #onException: (error: unknown) => void;
  #offsetMs: number;
  readonly #startedMs: number;
  #state: "running" | "stopped" | "dead" = "running";
  /** What came while it was stopped, in order; timers before all else, as in Node's event loop. */
  #waitingTimers: (() => void)[] = [];
  #waiting: (() => void)[] = [];
  readonly #timers = new Set<Timer>();
  readonly #onDeath: (() => void)[] = [];

  constructor({ world, name, clockStartMs, clockRate, onException }: ProcessOptions) {
    this.#world = world;
    this.name = name;
    this.#offsetMs = clockStartMs;
    this.#rate = clockRate;
    this.#startedMs = world.nowMs;
    this.#onException = onException;
  }

  get isAlive(): boolean {
    return this.#state !== "dead";
  }

  get isRunning(): boolean {
    return this.#state === "running";
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  readonly clock: Clock = {
    nowMs: () => this.#offsetMs + (this.#world.nowMs - this.#startedMs) * this.#rate,
    after: (delayMs, run) => this.#arrange(delayMs, null, run),
    every: (intervalMs, run) => this.#arrange(intervalMs, intervalMs, run),
  };

  /** Runs `task` in this process: now, when it is continued, or never. */
  run(task: () => void, isTimer = false): void {
    if (this.#state === "dead") return;
    if (this.#state === "stopped" || this.#waiting.length + this.#waitingTimers.length > 0) {
      (isTimer ? this.#waitingTimers : this.#waiting).push(task);
      return;
    }
    this.#execute(task);
  }

  #execute(task: () => void): void {
    try {
      task();
    } catch (error) {
      this.#onException(error);
    }
  }

  /** Stops it for `ms`: its timers fire and its messages are read when it goes on. */
  stop(ms: number): void {
    if (this.#state !== "running") return;
    this.#state = "stopped";
    this.#world.after(ms, () => this.#continue());
  }

  /** Its clock shows `ms` more than before, as after a host was suspended. */
  jump(ms: number): void {
    this.#offsetMs += ms;
    for (const timer of this.#timers) {
      timer.moves++;
      this.#wake(timer);
    }
  }

  /** Calls `run` when the process dies. */
  onDeath(run: () => void): void {
    this.#onDeath.push(run);
  }

  kill(): void {
    if (this.#state === "dead") return;
    this.#state = "dead";
    this.#waiting = [];
    this.#waitingTimers = [];
    this.#timers.clear();
    for (const run of this.#onDeath) run();
  }

  #continue(): void {
    if (this.#state !== "stopped") return;
    this.#state = "running";
    this.#catchUp();
  }

  /** Does what waited, one thing after the other; what comes meanwhile waits behind it. */
  #catchUp(): void {
    if (this.#state !== "running") return;
    const next = this.#waitingTimers[0] ?? this.#waiting[0];
    if (next === undefined) return;
    this.#execute(next);
    if (this.#waitingTimers[0] === next) this.#waitingTimers.shift();
    else this.#waiting.shift();
    this.#world.after(0, () => this.#catchUp());
  }

  #arrange(delayMs: number, intervalMs: number | null, run: () => void): () => void {
    const timer: Timer = {
      dueMs: this.clock.nowMs() + Math.max(1, delayMs),
      intervalMs: intervalMs === null ? null : Math.max(1, intervalMs),
      run,
      moves: 0,
    };
    this.#timers.add(timer);
    this.#wake(timer);
    return () => this.#timers.delete(timer);
  }

  /** Arranges the moment at which the process's clock shows that the timer is due. */
  #wake(timer: Timer): void {
    const { moves } = timer;
    const delayMs = (timer.dueMs - this.clock.nowMs()) / this.#rate;
    this.#world.after(Math.max(0, delayMs), () => {
      if (timer.moves !== moves || !this.#timers.has(timer)) return;
      this.run(() => this.#fire(timer), true);
    });
  }

  #fire(timer: Timer): void {
    if (!this.#timers.has(timer)) return;
    if (timer.intervalMs === null) this.#timers.delete(timer);
    timer.run();
    if (timer.intervalMs === null || !this.#timers.has(timer)) return;
    timer.dueMs = this.clock.nowMs() + timer.intervalMs;
    this.#wake(timer);
  }
}
