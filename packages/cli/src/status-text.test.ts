import type { Status } from "@shoal/coordinator";
import { expect, test } from "vitest";
import { statusText } from "./status-text.ts";

const worker: Status["workers"][number] = {
  id: "w1",
  name: "a (host:7)",
  host: "host",
  pid: 7,
  version: "0.1.0",
  device: null,
  slots: null,
  tasksPerSecond: null,
  state: "preparing",
  wait: null,
  silentMs: 20,
  blocksLeased: 0,
  blocksDone: 0,
};

function lineOf(changes: Partial<typeof worker>): string {
  const status: Status = {
    format: 1,
    at: "2026-01-01T00:00:00.000Z",
    run: {
      id: "run",
      incarnation: 1,
      experiment: "small",
      directory: null,
      startedAt: "2026-01-01T00:00:00.000Z",
      state: "training",
    },
    progress: {
      step: 1,
      steps: 2,
      stepsPerSecond: null,
      tasksPerSecond: null,
      remainingMs: null,
      loss: null,
      accuracy: null,
      coordinatorShare: null,
    },
    curve: [],
    evaluations: [],
    workers: [{ ...worker, ...changes }],
    rounds: [],
    waits: [],
    results: { accepted: 0, duplicate: 0, stale: 0, invalid: 0 },
    traffic: { receivedBytes: 0, sentBytes: 0 },
    events: [],
    disk: null,
  };
  return statusText(status)
    .split("\n")
    .find((line) => line.includes("a (host:7)"))!;
}

test("a worker's line says what it waits for, since when and until when", () => {
  const since = "2026-01-01T00:00:00.000Z";
  const until = "2026-01-01T00:10:00.000Z";
  const compiling = { for: "graphs", since, waitedMs: 3_000, until, remainingMs: 597_000 };
  expect(lineOf({ wait: compiling })).toContain(
    "preparing  compiles its graphs: 3.0 s so far, for another 9 min 57 s",
  );
  const idle = { for: "lease", since, waitedMs: 250, until: null, remainingMs: null };
  expect(lineOf({ state: "ready", wait: idle })).toContain(
    "ready  waits for a lease: 250 ms so far  0 blocks",
  );
  expect(lineOf({})).toContain("preparing  0 blocks now");
});
