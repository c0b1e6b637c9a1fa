import type { Random } from "@shoal/core/outer";
import type { CoordinatorMessage, WorkerMessage } from "@shoal/protocol";
import type { VirtualClock } from "./virtual-clock.ts";

/** What one end of a line does with what comes. */
export interface LineEnd<In> {
  readonly onMessage: (message: In, body: Float32Array | null) => void;
  readonly onLost: (reason: string) => void;
}

interface Direction {
  /** When the last message arrives: none overtakes it. */
  lastMs: number;
}

/** A connection with delays, ordered in each direction, that can break in more than one way. */
export class SimulatedLine {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #toCoordinator: Direction = { lastMs: 0 };
  readonly #toWorker: Direction = { lastMs: 0 };
  #isOpen = true;
  coordinatorEnd: LineEnd<WorkerMessage> | null = null;
  workerEnd: LineEnd<CoordinatorMessage> | null = null;

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  sendToCoordinator(message: WorkerMessage, body: Float32Array | null = null): void {
    this.#carry(this.#toCoordinator, () => this.coordinatorEnd?.onMessage(message, body));
  }

  sendToWorker(message: CoordinatorMessage, body: Float32Array | null = null): void {
    this.#carry(this.#toWorker, () => this.workerEnd?.onMessage(message, body));
  }

  /** The coordinator closes: what it said before still arrives. */
  closeAfterLastMessage(reason: string): void {
    this.#carry(this.#toWorker, () => this.breakNow(reason));
  }

  /** Breaks at once; what is on its way is lost, and each end notices soon. */
  breakNow(reason: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    for (const end of [this.coordinatorEnd, this.workerEnd]) {
      this.#clock.after(this.#delayMs(), () => end?.onLost(reason));
    }
  }

  /** Breaks without a sign: nothing arrives any more. The worker notices after `silenceMs`, the coordinator by itself. */
  goSilent(silenceMs: number): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#clock.after(silenceMs, () => this.workerEnd?.onLost("silent"));
  }

  #carry(direction: Direction, deliver: () => void): void {
    direction.lastMs = Math.max(direction.lastMs, this.#clock.nowMs + this.#delayMs());
    this.#clock.after(direction.lastMs - this.#clock.nowMs, () => {
      if (this.#isOpen) deliver();
    });
  }

  /** Mostly 1 to 20 ms, now and then half a second. */
  #delayMs(): number {
    return this.#random.int(20) === 0 ? 500 * this.#random.uniform() : 1 + 20 * this.#random.uniform();
  }
}
