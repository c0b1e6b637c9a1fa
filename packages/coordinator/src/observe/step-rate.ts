import { RATE_STEPS } from "../limits.ts";

/**
 * Steps per second over the last `RATE_STEPS` steps, evaluations and waits between them included. It falls
 * while nothing comes, so that a time left that is computed from it grows.
 */
export class StepRate {
  /** When the last steps were committed, oldest first, in ms. */
  readonly #times: number[] = [];

  add(nowMs: number): void {
    this.#times.push(nowMs);
    if (this.#times.length > RATE_STEPS + 1) this.#times.shift();
  }

  /** Null before the second step. */
  perSecond(nowMs: number): number | null {
    const steps = this.#times.length - 1;
    if (steps < 1) return null;
    return (1000 * steps) / Math.max(1, nowMs - this.#times[0]!);
  }
}
