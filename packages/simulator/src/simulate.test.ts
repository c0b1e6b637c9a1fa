import { beforeAll, describe, expect, test } from "vitest";
import { drawScenario, quietScenario } from "./scenario.ts";
import { type SimulationReport, simulate } from "./simulate.ts";

/** More of them for a night: SHOAL_SIMULATED_SEEDS=100000. */
const SEEDS = Number(process.env.SHOAL_SIMULATED_SEEDS ?? 400);

describe("simulated runs", () => {
  let reports: readonly SimulationReport[] = [];

  beforeAll(
    async () => {
      const all: SimulationReport[] = [];
      for (let seed = 0; seed < SEEDS; seed++) all.push(await simulate(drawScenario(seed)));
      reports = all;
    },
    600_000 + 1_000 * SEEDS,
  );

  test("all end, in the bits of one worker, with every block counted once, whatever is done to them", () => {
    const failed = reports.filter(({ violations }) => violations.length > 0);
    expect(failed.map(({ scenario, violations }) => `seed ${scenario.seed}: ${violations[0]}`)).toEqual([]);
  });

  test("have the evaluations of the quiet run, to the last bit", async () => {
    const quiet = new Map<unknown, SimulationReport>();
    for (const report of reports) {
      const { plan } = report.scenario;
      if (!quiet.has(plan)) quiet.set(plan, await simulate(quietScenario(report.scenario)));
      expect(quiet.get(plan)!.violations).toEqual([]);
      if (report.isTainted) continue;
      expect(report.evaluations, `seed ${report.scenario.seed}`).toEqual(quiet.get(plan)!.evaluations);
    }
  });

  test("give the same report for the same seed", async () => {
    const again = await simulate(drawScenario(7));
    expect(again).toEqual(reports[7]);
  });

  // Without these the tests above would prove little.
  test.each([
    "worker-left",
    "lease-late",
    "block-failed",
    "result-unused",
    "waiting",
    "paused",
    "connection-lost",
    "disk-full",
    "was-away",
  ] as const)("have met %s under several seeds", (event) => {
    expect(reports.filter(({ eventCounts }) => eventCounts.has(event)).length).toBeGreaterThanOrEqual(2);
  });

  test("have met coordinators that were started several times", () => {
    expect(reports.filter(({ coordinatorStarts }) => coordinatorStarts > 2).length).toBeGreaterThan(10);
  });
});
