import { cosine } from "./exact-math.ts";

/**
 * How the outer rate changes with the step.
 *
 * - `cosine`: along half a cosine to `final` in `steps` steps, and stays there (Loshchilov and Hutter 2017).
 * - `linear`: along a line to `final` in `steps` steps, and stays there.
 * - `halve`: half of it after `every` steps, a quarter after twice as many.
 */
export type RateSchedule =
  | { readonly type: "constant" }
  | { readonly type: "cosine" | "linear"; readonly final: number; readonly steps?: number | undefined }
  | { readonly type: "halve"; readonly every: number };

/**
 * The rate of a step: a function of its number, and nothing else.
 *
 * @param step from 0
 * @param runSteps where a schedule that names no `steps` ends
 */
export function rateAt(rate: number, schedule: RateSchedule, step: number, runSteps: number): number {
  switch (schedule.type) {
    case "constant":
      return rate;
    case "halve":
      return rate / 2 ** Math.floor(step / schedule.every);
    case "cosine":
    case "linear": {
      const done = Math.min(1, step / (schedule.steps ?? runSteps));
      const left = schedule.type === "linear" ? 1 - done : (1 + cosine(Math.PI * done)) / 2;
      return schedule.final + (rate - schedule.final) * left;
    }
  }
}
