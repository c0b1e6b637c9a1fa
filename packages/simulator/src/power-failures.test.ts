import { describe, expect, test } from "vitest";
import { drawScenario, quietScenario, type Scenario } from "./scenario.ts";
import { simulate } from "./simulate.ts";

/** One worker, and a coordinator whose machine loses power right before the n-th change of its disk. */
function powerFailsAt(quiet: Scenario, seed: number, operation: number): Scenario {
  return {
    ...quiet,
    // What is left of unsynced bytes and names is drawn from the seed.
    seed,
    faults: [{ type: "coordinator-power-at", atMs: 0, operation, restartMs: 500 }],
  };
}

describe("a power failure of the coordinator's machine", () => {
  test("before any change of the disk costs no bit, and no evaluation", async () => {
    const quiet = quietScenario(drawScenario(4));
    const alone = await simulate(quiet);
    expect(alone.violations).toEqual([]);
    expect(alone.diskChanges).toBeGreaterThan(50);
    for (let operation = 1; operation <= alone.diskChanges; operation++) {
      const report = await simulate(powerFailsAt(quiet, operation, operation));
      expect(report.violations, `operation ${operation}`).toEqual([]);
      expect(report.paramsHash, `operation ${operation}`).toBe(alone.paramsHash);
      expect(report.evaluations, `operation ${operation}`).toEqual(alone.evaluations);
    }
  });
});
