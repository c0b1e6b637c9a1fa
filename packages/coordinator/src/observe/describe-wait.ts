import type { RoundSpec } from "../round-spec.ts";
import type { Wait } from "../waits.ts";

/**
 * A wait as a sentence: who waits, for what and whom, why, since when and until when.
 *
 * @param spec the round under way; null between rounds
 */
export function describeWait(
  { what, reason, owner, sinceMs, untilMs }: Wait,
  spec: RoundSpec | null,
  nowMs: number,
): string {
  const until = untilMs === null ? "until its owner ends it" : `for ${seconds(untilMs - nowMs)} more at most`;
  return `${waiterOf(spec)} waits for ${what}, by ${owner}: ${reason}; ${seconds(nowMs - sinceMs)} so far, ${until}`;
}

function waiterOf(spec: RoundSpec | null): string {
  if (spec === null) return "the run";
  if (spec.purpose === "train") return `step ${spec.version + 1}`;
  const titles = {
    "test-before": "the test before training",
    validation: `the validation of step ${spec.version}`,
    "test-after": "the test after training",
    evaluate: "the evaluation",
  };
  return titles[spec.purpose];
}

/** `3.2 s`; `90 s`. A deadline that has passed is met at the next look, in a moment. */
function seconds(ms: number): string {
  const value = Math.max(0, ms) / 1000;
  return value < 60 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}
