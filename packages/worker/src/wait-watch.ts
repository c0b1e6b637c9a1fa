import type { Clock, WorkerWait } from "@shoal/protocol";
import type { WorkerEvent } from "./worker-event.ts";

/** What a worker waits for. */
type Waiting = Extract<WorkerEvent, { type: "still-waiting" }>["for"];

/** How often a worker looks at its own waits, in ms. */
const LOOK_MS = 2_500;
/** A wait is told after this long, and then after twice the time each, in ms. */
const TELL_MS = 5_000;

/**
 * Notices that nothing moves in a worker: no coordinator, no program, no lease. It listens to the worker's
 * events, and tells what is waited for as one more event.
 */
export class WaitWatch {
  readonly #clock: Clock;
  readonly #leaseCount: () => number;
  readonly #tell: (event: WorkerEvent) => void;
  readonly #stop: () => void;
  #waiting: Waiting = "coordinator";
  /** How far its program is; a new connection waits for the same. */
  #preparation: "data" | "graphs" | "workers" = "data";
  #sinceMs: number;
  #lookedMs: number;
  #tellMs = TELL_MS;

  /** @param leaseCount leases that wait or run */
  constructor(clock: Clock, leaseCount: () => number, tell: (event: WorkerEvent) => void) {
    this.#clock = clock;
    this.#leaseCount = leaseCount;
    this.#tell = tell;
    this.#sinceMs = clock.nowMs();
    this.#lookedMs = this.#sinceMs;
    this.#stop = clock.every(LOOK_MS, () => this.#look());
  }

  take(event: WorkerEvent): void {
    switch (event.type) {
      case "connected":
        this.#begin(this.#preparation);
        return;
      case "preparing":
        this.#preparation = event.what;
        this.#begin(event.what);
        return;
      case "compiling":
        this.#preparation = "graphs";
        this.#begin("graphs");
        return;
      case "ready":
      case "block":
      case "block-failed":
        this.#begin("lease");
        return;
      // An attempt to connect that failed is told by itself.
      case "waiting":
      case "lost":
        this.#begin("coordinator");
        return;
      default:
    }
  }

  /** What is waited for at the coordinator, and for how long; null: the coordinator itself. */
  get wait(): WorkerWait | null {
    if (this.#waiting === "coordinator") return null;
    return { for: this.#waiting, ms: this.#clock.nowMs() - this.#sinceMs };
  }

  close(): void {
    this.#stop();
  }

  #begin(waiting: Waiting): void {
    this.#waiting = waiting;
    this.#sinceMs = this.#clock.nowMs();
    this.#tellMs = TELL_MS;
  }

  #look(): void {
    const nowMs = this.#clock.nowMs();
    // A process that was stopped, or whose machine slept, waited for nobody meanwhile.
    const wasAway = nowMs - this.#lookedMs > 2 * LOOK_MS;
    this.#lookedMs = nowMs;
    const isComputing = this.#waiting === "lease" && this.#leaseCount() > 0;
    if (wasAway || isComputing) this.#begin(this.#waiting);
    const waitedMs = nowMs - this.#sinceMs;
    if (waitedMs < this.#tellMs) return;
    this.#tellMs = 2 * waitedMs;
    this.#tell({ type: "still-waiting", for: this.#waiting, waitedMs });
  }
}
