import type { Clock } from "@shoal/protocol";
import { expect, test } from "vitest";
import { WaitWatch } from "./wait-watch.ts";
import type { WorkerEvent } from "./worker-event.ts";

/** A watch on a clock that is moved by hand, and what it told. */
function start(leaseCount: () => number) {
  let nowMs = 0;
  let look = (): void => {};
  const clock: Clock = {
    nowMs: () => nowMs,
    after: () => () => {},
    every: (_, run) => {
      look = run;
      return () => {};
    },
  };
  const told: WorkerEvent[] = [];
  const watch = new WaitWatch(clock, leaseCount, (event) => void told.push(event));
  const pass = (ms: number): void => {
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs += 2_500;
      look();
    }
  };
  /** Time goes by, and nobody looks. */
  const sleep = (ms: number): void => {
    nowMs += ms;
  };
  return { watch, told, pass, sleep };
}

const ready = { type: "ready", device: "cpu", slots: 1, dataHash: "", description: "" } as const;
const preparation = { openMs: 1, compileMs: 1, memoryBytes: 1 };

test("a wait is told after 5 s, and then whenever it has doubled", () => {
  const { told, pass } = start(() => 0);
  pass(60_000);
  expect(told).toEqual(
    [5_000, 10_000, 20_000, 40_000].map((waitedMs) => ({
      type: "still-waiting",
      for: "coordinator",
      waitedMs,
    })),
  );
});

test("each stage has a wait of its own", () => {
  const { watch, told, pass } = start(() => 0);
  watch.take({ type: "connected", runId: "run", workerId: "w1", peer: "host:1" });
  watch.take({ type: "preparing", what: "data" });
  pass(5_000);
  watch.take({ type: "compiling" });
  pass(5_000);
  expect(watch.wait).toEqual({ for: "graphs", ms: 5_000 });
  watch.take({ ...ready, ...preparation });
  pass(5_000);
  watch.take({ type: "lost", reason: "gone", keptResults: 0 });
  pass(5_000);
  expect(told.map((event) => event.type === "still-waiting" && event.for)).toEqual([
    "data",
    "graphs",
    "lease",
    "coordinator",
  ]);
});

test("a worker that computes waits for nothing, however long its block is", () => {
  let leases = 1;
  const { watch, told, pass } = start(() => leases);
  watch.take({ ...ready, ...preparation });
  pass(60_000);
  expect(told).toEqual([]);
  leases = 0;
  pass(5_000);
  expect(told).toEqual([{ type: "still-waiting", for: "lease", waitedMs: 5_000 }]);
});

test("a process that was stopped for a while did not wait", () => {
  const { told, pass, sleep } = start(() => 0);
  sleep(60_000);
  pass(5_000);
  expect(told).toEqual([]);
  pass(2_500);
  expect(told).toMatchObject([{ type: "still-waiting", waitedMs: 5_000 }]);
});
