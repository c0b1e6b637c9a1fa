interface Appointment {
  readonly atMs: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** What a process of the simulation says, for the trace of a seed that failed. */
export interface TraceLine {
  readonly atMs: number;
  readonly who: string;
  readonly what: string;
}

/**
 * Virtual time: what is due runs in order of time, then of arrival, one thing after the other.
 *
 * The code under simulation is written with promises. Between two things that are due, every promise that
 * can go on does: a macrotask of Node begins only when no microtask is left, and nothing here waits for a
 * real timer, file or socket. So the same seed gives the same order of everything.
 */
export class World {
  nowMs = 0;
  /** Things that were done, for the speed of a simulation. */
  eventCount = 0;
  readonly #due: Appointment[] = [];
  #sequence = 0;
  /** Null: nothing is recorded. */
  readonly #trace: TraceLine[] | null;

  constructor(options: { readonly isTraced: boolean }) {
    this.#trace = options.isTraced ? [] : null;
  }

  get isTraced(): boolean {
    return this.#trace !== null;
  }

  get trace(): readonly TraceLine[] {
    return this.#trace ?? [];
  }

  /** Things that are due some time. */
  get pendingCount(): number {
    return this.#due.length;
  }

  /** Runs `run` at `atMs`, or now if that is past. */
  at(atMs: number, run: () => void): void {
    const appointment = { atMs: Math.max(atMs, this.nowMs), sequence: this.#sequence++, run };
    const heap = this.#due;
    let child = heap.push(appointment) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(appointment, heap[parent]!)) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = appointment;
  }

  after(delayMs: number, run: () => void): void {
    this.at(this.nowMs + delayMs, run);
  }

  /** Goes on to the next thing that is due, does it, and lets every promise go on. False: nothing is due. */
  async advance(): Promise<boolean> {
    const next = this.#pop();
    if (next === null) return false;
    this.nowMs = next.atMs;
    this.eventCount++;
    next.run();
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  /** `what` is a function because most simulations are not traced. */
  note(who: string, what: () => string): void {
    this.#trace?.push({ atMs: this.nowMs, who, what: what() });
  }

  #pop(): Appointment | null {
    const heap = this.#due;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = last;
    return first;
  }
}

function isBefore(a: Appointment, b: Appointment): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
