import { CURVE_POINTS_MAX } from "../limits.ts";

/** Means over the steps that end with `step`. */
export interface CurvePoint {
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number | null;
}

interface Sum {
  step: number;
  steps: number;
  loss: number;
  accuracy: number | null;
}

/**
 * The learning curve of a run of any length in bounded memory: means over equal ranges of steps, whose
 * width doubles whenever there are more than `CURVE_POINTS_MAX`.
 */
export class LearningCurve {
  #sums: Sum[] = [];
  /** Steps per point. */
  #width = 1;

  add(step: number, loss: number, accuracy: number | null): void {
    const last = this.#sums.at(-1);
    if (last !== undefined && last.steps < this.#width) {
      merge(last, { step, steps: 1, loss, accuracy });
      return;
    }
    this.#sums.push({ step, steps: 1, loss, accuracy });
    if (this.#sums.length > CURVE_POINTS_MAX) this.#halve();
  }

  get points(): CurvePoint[] {
    return this.#sums.map(({ step, steps, loss, accuracy }) => ({
      step,
      loss: loss / steps,
      accuracy: accuracy === null ? null : accuracy / steps,
    }));
  }

  #halve(): void {
    const halved: Sum[] = [];
    for (let i = 0; i < this.#sums.length; i += 2) {
      const [left, right] = [this.#sums[i]!, this.#sums[i + 1]];
      if (right !== undefined) merge(left, right);
      halved.push(left);
    }
    this.#sums = halved;
    this.#width *= 2;
  }
}

/** Adds the range `right`, which follows `left`, to it. */
function merge(left: Sum, right: Sum): void {
  left.step = right.step;
  left.steps += right.steps;
  left.loss += right.loss;
  left.accuracy = left.accuracy === null || right.accuracy === null ? null : left.accuracy + right.accuracy;
}
