import { beforeAll, describe, expect, test } from "vitest";
import type { CoordinatorEvent } from "./coordinator-event.ts";
import { plan, type SimulatedOutcome, simulate, trainAlone } from "./testing/simulated-run.ts";

const SEEDS = 100;
const MISCHIEF_PER_RUN = 12;

const steps = Array.from({ length: plan.steps }, (_, version) => version);

describe("a simulated run", () => {
  let quiet: SimulatedOutcome;
  let wild: readonly { readonly seed: number; readonly outcome: SimulatedOutcome }[];

  beforeAll(() => {
    quiet = simulate(1, 0);
    wild = Array.from({ length: SEEDS }, (_, seed) => {
      try {
        return { seed, outcome: simulate(seed, MISCHIEF_PER_RUN) };
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    });
  }, 120_000);

  test("left alone, with one worker, has the bits of a plain loop", () => {
    expect(quiet).toMatchObject({ type: "complete", paramsHash: trainAlone(), committed: steps });
    expect(quiet.evaluations.map(({ purpose, step }) => `${purpose} ${step}`)).toEqual([
      "test-before 0",
      "validation 4",
      "validation 8",
      "test-after 10",
    ]);
  });

  test("ends, whatever is done to it", () => {
    for (const { seed, outcome } of wild) {
      expect(outcome.type, `seed ${seed}: ${outcome.message}`).toBe("complete");
    }
  });

  test("ends in the bits of the quiet run: parameters and every statistic", () => {
    for (const { seed, outcome } of wild) {
      expect(outcome.paramsHash, `seed ${seed}`).toBe(quiet.paramsHash);
      expect(outcome.evaluations, `seed ${seed}`).toEqual(quiet.evaluations);
    }
  });

  test("commits each step once, and after a crash goes on from the checkpoint", () => {
    for (const { seed, outcome } of wild) {
      const { committed, incarnations } = outcome;
      expect(
        [...new Set(committed)].sort((a, b) => a - b),
        `seed ${seed}`,
      ).toEqual(steps);
      // A step back is a restart from a checkpoint; there is no other.
      const backward = committed.filter((version, i) => i > 0 && version !== committed[i - 1]! + 1);
      expect(backward.length, `seed ${seed}`).toBeLessThan(incarnations);
      expect(
        backward.every((version) => version % plan.checkpointEverySteps === 0),
        `seed ${seed}`,
      ).toBe(true);
    }
  });

  test("gives the same events for the same seed", () => {
    expect(simulate(7, MISCHIEF_PER_RUN)).toEqual(wild[7]!.outcome);
  });

  // Without these the tests above would prove little.
  test.each<[string, (outcome: SimulatedOutcome) => boolean]>([
    ["a coordinator that crashed", ({ incarnations }) => incarnations > 1],
    [
      "blocks that came back from a lost worker",
      has((event) => event.type === "worker-left" && event.blocksReturned > 0),
    ],
    [
      "a worker that fell silent",
      has((event) => event.type === "worker-left" && event.reason.startsWith("silent")),
    ],
    [
      "a worker that was dropped for its debt",
      has((event) => event.type === "worker-left" && event.reason.includes("not answered")),
    ],
    ["a lease that ran out", has((event) => event.type === "lease-late")],
    [
      "a block that failed",
      has((event) => event.type === "block-failed" && event.reason.startsWith("E_TROUBLE")),
    ],
    [
      "a result that was not finite",
      has((event) => event.type === "block-failed" && event.reason.includes("NaN")),
    ],
    ["a duplicate", has((event) => event.type === "result-unused" && event.status === "duplicate")],
    ["a stale result", has((event) => event.type === "result-unused" && event.status === "stale")],
    ["copies that were compared bit by bit", ({ compared }) => compared > 0],
    ["nobody left to work", has((event) => event.type === "waiting" && event.workersMin === 1)],
  ])("has met %s under several seeds", (_, isMet) => {
    expect(wild.filter(({ outcome }) => isMet(outcome)).length).toBeGreaterThanOrEqual(3);
  });
});

function has(isSuch: (event: CoordinatorEvent) => boolean): (outcome: SimulatedOutcome) => boolean {
  return ({ events }) => events.some(isSuch);
}
