import type { Scenario } from "./scenario.ts";
import { type SimulationReport, simulate } from "./simulate.ts";

/** Simulations that shrinking may cost. */
const RUNS_MAX = 300;

/**
 * Leaves out of a failing scenario every fault that it fails without: what is left is the story to read.
 *
 * Halves are tried first, then quarters, down to single faults, as in delta debugging.
 *
 * @see Zeller and Hildebrandt 2002, Simplifying and isolating failure-inducing input
 */
export async function shrink(failing: SimulationReport): Promise<SimulationReport> {
  let smallest = failing;
  let runs = 0;
  for (
    let size = Math.ceil(failing.scenario.faults.length / 2);
    size >= 1;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let first = 0; first < smallest.scenario.faults.length && runs < RUNS_MAX; ) {
      const { faults } = smallest.scenario;
      const fewer: Scenario = {
        ...smallest.scenario,
        faults: [...faults.slice(0, first), ...faults.slice(first + size)],
      };
      runs++;
      const report = await simulate(fewer);
      if (report.violations.length > 0) smallest = report;
      else first += size;
    }
  }
  return smallest;
}
