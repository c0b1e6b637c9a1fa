import { expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { drawScenario, quietScenario, type Scenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";

/** Three workers that take a second per step, and what happens to them. */
function storyOf(faults: readonly Fault[]): Scenario {
  const quiet = quietScenario(drawScenario(4));
  const worker = { slots: 1, taskMs: 200, prepareMs: 1_000, clockRate: 1 };
  return { ...quiet, workers: [worker, worker, worker], workersMin: 2, faults };
}

// The bugs that the simulator found, each as the few faults that show it.
test.each<[string, readonly Fault[]]>([
  [
    "a coordinator that was stopped takes its own absence for the silence of all workers",
    [{ type: "coordinator-stop", atMs: 463, ms: 71_698 }],
  ],
  [
    "a coordinator that was stopped while it waited for workers ends the run",
    [
      { type: "coordinator-stop", atMs: 300, ms: 130_000 },
      { type: "worker-kill", atMs: 400, worker: 0, restartMs: 5_000 },
    ],
  ],
  [
    "a clock that goes on by two minutes at once is no two minutes of silence",
    [{ type: "coordinator-clock", atMs: 5_000, ms: 120_000 }],
  ],
  [
    "a disk that is full when the coordinator starts",
    [
      { type: "coordinator-kill", atMs: 3_000, restartMs: 200 },
      { type: "disk-full", atMs: 3_100, ms: 4_000 },
    ],
  ],
])("%s", async (_, faults) => {
  const report = await simulate(storyOf(faults));
  expect(report.violations).toEqual([]);
  expect(report.evaluations).toEqual((await simulate(storyOf([]))).evaluations);
});
