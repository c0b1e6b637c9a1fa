import { expect, test } from "vitest";
import { sleep, systemClock } from "./clock.ts";

test("a sleep ends after its time", async () => {
  const started = systemClock.nowMs();
  await sleep(systemClock, 5);
  // Timers of Node may fire up to 1 ms early.
  expect(systemClock.nowMs() - started).toBeGreaterThanOrEqual(4);
});

test("a signal ends a sleep early, also one that was aborted before", async () => {
  const controller = new AbortController();
  const sleeping = sleep(systemClock, 3_600_000, controller.signal);
  controller.abort();
  await expect(sleeping).resolves.toBeUndefined();
  await expect(sleep(systemClock, 3_600_000, controller.signal)).resolves.toBeUndefined();
});

test("a cancelled timer does not fire, and an interval fires until it is cancelled", async () => {
  let [once, often] = [0, 0];
  const cancelOnce = systemClock.after(1, () => once++);
  cancelOnce();
  await new Promise<void>((resolve) => {
    const cancel = systemClock.every(1, () => {
      often++;
      if (often < 3) return;
      cancel();
      resolve();
    });
  });
  await sleep(systemClock, 5);
  expect([once, often]).toEqual([0, 3]);
});
