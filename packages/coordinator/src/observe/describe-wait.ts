import type { Wait } from "../waits.ts";

/**
 * A wait as a sentence: who waits, for what and whom, why, since when, and until when.
 *
 * `step 118 waits for lease 7: train episodes 12-15, by b (host:12): its worker computes it; 3.2 s so far,
 * expected within 1.1 s, goes to another worker in 6.8 s`
 */
export function describeWait(wait: Wait, nowMs: number): string {
  const { waiter, what, reason, owner, sinceMs, expectedMs, untilMs, ending } = wait;
  const times = [`${seconds(nowMs - sinceMs)} so far`];
  if (expectedMs !== null) times.push(expectedText(expectedMs - nowMs));
  times.push(untilMs === null ? ending : `${ending} in ${seconds(untilMs - nowMs)}`);
  return `${waiter} waits for ${what}, by ${owner}: ${reason}; ${times.join(", ")}`;
}

function expectedText(ms: number): string {
  return ms > 0 ? `expected within ${seconds(ms)}` : "expected now";
}

/** `3.2 s`; `90 s`. A deadline that has passed is met at the next look, in a moment. */
function seconds(ms: number): string {
  const value = Math.max(0, ms) / 1000;
  return value < 60 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}
