import { expect, test } from "vitest";
import { describeWait } from "./describe-wait.ts";

const wait = {
  waiter: "step 118",
  what: "lease 7: train episodes 12-15",
  reason: "its worker computes it",
  owner: "b (host:12)",
  sinceMs: 1_000,
  expectedMs: 5_300,
  untilMs: 11_000,
  ending: "goes to another worker",
};

test("a wait says who waits, for what and whom, why, since when, and what happens when", () => {
  expect(describeWait(wait, 4_200)).toBe(
    "step 118 waits for lease 7: train episodes 12-15, by b (host:12): its worker computes it; " +
      "3.2 s so far, expected within 1.1 s, goes to another worker in 6.8 s",
  );
});

test("a wait without a deadline ends as it says, and one past its times is due", () => {
  const pause = { ...wait, expectedMs: null, untilMs: null, ending: "until it is resumed" };
  expect(describeWait(pause, 4_200)).toMatch(/; 3\.2 s so far, until it is resumed$/);
  expect(describeWait(wait, 91_500)).toMatch(/91 s so far, expected now, goes to another worker in 0\.0 s$/);
});
