import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { arrive, createRendezvous } from "./rendezvous.ts";

test("a thread waits until the last one has arrived", async () => {
  const rendezvous = createRendezvous();
  const thread = new Worker(
    `const view = new Int32Array(require("node:worker_threads").workerData);
     Atomics.add(view, 0, 1);
     Atomics.notify(view, 0);`,
    { eval: true, workerData: rendezvous },
  );
  // Longer than any machine needs to start a thread: the wait ends by the notification.
  expect(arrive(rendezvous, 2, 60_000)).toBe(true);
  await thread.terminate();
});

test("a thread that comes last, or alone, does not wait", () => {
  const rendezvous = createRendezvous();
  expect(arrive(rendezvous, 1, 0)).toBe(true);
  expect(arrive(rendezvous, 2, 0)).toBe(true);
});

test("the wait for one that never comes has an end", () => {
  expect(arrive(createRendezvous(), 2, 1)).toBe(false);
});
