import { expect, test } from "vitest";
import type { Fault } from "./fault.ts";
import { drawScenario } from "./scenario.ts";
import { shrink } from "./shrink.ts";
import { simulate } from "./simulate.ts";

test("of the faults of a run that fails, those are left that make it fail", async () => {
  const cut = (atMs: number): Fault => ({ type: "cut", atMs, worker: 0 });
  // Nobody can join for longer than a coordinator waits: the run ends for want of workers, and rightly.
  const partition: Fault = { type: "partition", atMs: 0, workers: [0], ms: 500_000 };
  const drawn = drawScenario(1);
  const failing = await simulate({
    ...drawn,
    workers: drawn.workers.slice(0, 1),
    workersMin: 1,
    faults: [partition, cut(10), cut(20), cut(30), cut(40)],
  });
  expect(failing.violations[0]).toMatch(/E_WORKERS/);
  const shrunk = await shrink(failing);
  expect(shrunk.scenario.faults).toEqual([partition]);
  expect(shrunk.violations[0]).toMatch(/E_WORKERS/);
});
