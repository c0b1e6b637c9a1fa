import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { callNative, createNativeCalls, endNativeCalls, waitForNativeCalls } from "./native-calls.ts";

test("whoever ends threads waits for the calls that have begun, and none begins after that", async () => {
  const calls = createNativeCalls();
  expect(waitForNativeCalls(calls, 0)).toBe(true);
  const pending: (() => void)[] = [];
  const call = callNative(calls, () => new Promise<void>((resolve) => pending.push(resolve)));
  expect(waitForNativeCalls(calls, 1)).toBe(false);
  endNativeCalls(calls);
  await expect(callNative(calls, () => Promise.resolve())).rejects.toMatchObject({ code: "E_CLOSED" });
  pending[0]!();
  await call;
  expect(waitForNativeCalls(calls, 0)).toBe(true);
});

test("a call that fails is over", async () => {
  const calls = createNativeCalls();
  await expect(callNative(calls, () => Promise.reject(new Error("no memory")))).rejects.toThrow("no memory");
  expect(waitForNativeCalls(calls, 0)).toBe(true);
});

test("the wait ends when another thread's call does", async () => {
  const calls = createNativeCalls();
  // One call, begun here, whose end is counted by the thread as `callNative` does it.
  void callNative(calls, () => new Promise(() => {}));
  const thread = new Worker(
    `const view = new Int32Array(require("node:worker_threads").workerData);
     Atomics.sub(view, 0, 1);
     Atomics.notify(view, 0);`,
    { eval: true, workerData: calls },
  );
  // Longer than any machine needs to start a thread: the wait ends by the notification.
  expect(waitForNativeCalls(calls, 60_000)).toBe(true);
  await thread.terminate();
});
