import { describe, expect, test } from "vitest";
import { type Capacity, planCapacity } from "./capacity.ts";

const quiet: Capacity = {
  seed: 3,
  workers: 4,
  threads: 2,
  slow: { count: 0, factor: 1 },
  taskMs: 20,
  prepareMs: 1_000,
  tasksPerStep: 64,
  tasksPerLeaf: 1,
  steps: 12,
  params: 5,
  latencyMs: 0.1,
  bitsPerSecond: 1e10,
  workerMtbfMs: Number.POSITIVE_INFINITY,
  coordinatorMtbfMs: Number.POSITIVE_INFINITY,
  restartMs: 5_000,
  hedge: true,
};

describe("a planned cluster", () => {
  test("that is quiet computes most of the time, and nothing twice", async () => {
    const report = await planCapacity(quiet);
    expect(report.violations).toEqual([]);
    // 64 tasks of 20 ms on 8 threads take 160 ms; tasks vary by a fifth, and a step waits for its last block.
    expect(report.stepMs.p50).toBeGreaterThan(0.8 * 160);
    expect(report.efficiency).toBeGreaterThan(0.6);
    expect(report.efficiency).toBeLessThanOrEqual(1.2);
    expect(report).toMatchObject({ shareKilled: 0, workerKills: 0, coordinatorStarts: 1 });
  });

  test("whose machines fail loses work, and ends in the same bits", async () => {
    const failing = await planCapacity({ ...quiet, workerMtbfMs: 10_000, coordinatorMtbfMs: 30_000 });
    expect(failing.violations).toEqual([]);
    expect(failing.workerKills).toBeGreaterThan(0);
    expect(failing.shareKilled).toBeGreaterThan(0);
    expect(failing.efficiency).toBeLessThan(0.6);
    expect(failing.paramsHash).toBe((await planCapacity(quiet)).paramsHash);
  });

  test("with a slow worker computes late blocks twice only where it may, and ends in the same bits", async () => {
    const slow = { ...quiet, threads: 1, slow: { count: 1, factor: 8 } };
    const hedged = await planCapacity(slow);
    const alone = await planCapacity({ ...slow, hedge: false });
    expect(hedged.shareUnused).toBeGreaterThan(0);
    expect(alone.shareUnused).toBe(0);
    expect(alone.paramsHash).toBe(hedged.paramsHash);
  });

  test("with a big model and slow network cards waits for the wire", async () => {
    // 2 MB to each of 4 workers through one card of 100 Mbit/s take 640 ms.
    const report = await planCapacity({ ...quiet, params: 500_000, bitsPerSecond: 1e8 });
    expect(report.violations).toEqual([]);
    expect(report.stepMs.p50).toBeGreaterThan(640);
    expect(report.bytesToWorkers).toBeGreaterThan(12 * 2_000_000);
  });
});
