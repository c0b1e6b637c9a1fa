interface Appointment {
  readonly atMs: number;
  readonly run: () => void;
}

/** Time that passes when a test says so: what is due runs in order of time, then of arrival. */
export class VirtualClock {
  nowMs = 0;
  /** In order. */
  readonly #due: Appointment[] = [];

  /** Runs `run` in `delayMs`. */
  after(delayMs: number, run: () => void): void {
    const atMs = this.nowMs + delayMs;
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#due[middle]!.atMs <= atMs) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, { atMs, run });
  }

  /** Goes on to the next thing that is due, and does it. */
  advance(): void {
    const next = this.#due.shift();
    if (next === undefined) throw new Error("nothing is due: everybody waits for somebody");
    this.nowMs = next.atMs;
    next.run();
  }
}
