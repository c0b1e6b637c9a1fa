import type { Clock, Lease } from "@shoal/protocol";
import { describe, expect, test } from "vitest";
import type { BlockJob, BlockResult } from "./block-job.ts";
import type { BlockProgram } from "./block-program.ts";
import { BlockQueue } from "./block-queue.ts";
import { throwIfRaised } from "./stop-flag.ts";

/** Blocks that end when the test says so. */
class HeldProgram implements BlockProgram {
  readonly dataHash = "data";
  readonly description = "nothing";
  readonly paramCount = 1;
  readonly device = "cpu";
  readonly slots = 1;
  readonly openMs = 0;
  readonly compileMs = 0;
  readonly memoryBytes = 0;
  readonly running: { readonly job: BlockJob; readonly end: (computeMs: number) => void }[] = [];

  async buildEpisodes(): Promise<BlockJob["episodes"]> {
    const empty = new Float32Array(0);
    return { supportX: empty, supportY: empty, queryX: empty, queryY: empty };
  }

  compute(job: BlockJob): Promise<BlockResult> {
    return new Promise((resolve, reject) => {
      const end = (computeMs: number): void => {
        try {
          throwIfRaised(job.stop!);
          resolve({ body: new Float32Array(1), taskCount: job.leafCount, statCount: 1, computeMs });
        } catch (error) {
          reject(error as Error);
        }
      };
      this.running.push({ job, end });
    });
  }

  async close(): Promise<void> {}
}

class Held {
  nowMs = 0;
  readonly program = new HeldProgram();
  readonly results: number[] = [];
  readonly failures: { readonly leaseId: number; readonly code: unknown }[] = [];
  readonly queue: BlockQueue;

  constructor() {
    const clock: Clock = { nowMs: () => this.nowMs, after: () => () => {}, every: () => () => {} };
    this.queue = new BlockQueue(this.program, clock, {
      onResult: ({ leaseId }) => this.results.push(leaseId),
      onFailure: ({ leaseId }, error) =>
        this.failures.push({ leaseId, code: (error as { readonly code?: unknown }).code }),
    });
    this.queue.setParams(0, new Float32Array(1));
  }

  async lease(leaseId: number, level = 0): Promise<void> {
    this.queue.add({ ...lease, leaseId, level });
    await settled();
  }

  /** Ends the oldest block that runs. */
  async end(computeMs: number): Promise<void> {
    this.program.running.shift()!.end(computeMs);
    await settled();
  }
}

const lease: Lease = {
  type: "lease",
  leaseId: 0,
  round: 0,
  kind: "train",
  version: 0,
  split: "train",
  level: 0,
  index: 0,
  leafCount: 8,
  tasksPerLeaf: 1,
  firstEpisode: 0,
  taskCount: 8,
  leaseMs: 10_000,
};

/** Promises that wait for nothing else are through. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the queue of blocks", () => {
  test("stops a running block that is revoked, and starts the next", async () => {
    const held = new Held();
    await held.lease(1);
    await held.lease(2);
    held.queue.revoke([1]);
    expect(held.failures).toEqual([]);
    await held.end(10);
    expect(held.failures).toEqual([{ leaseId: 1, code: "E_REVOKED" }]);
    expect(held.queue.leaseIds).toEqual([2]);
    expect(held.program.running).toHaveLength(1);
    expect(held.results).toEqual([]);
  });

  test("says at once that a waiting block is dropped, and nothing of one that it does not have", async () => {
    const held = new Held();
    await held.lease(1);
    await held.lease(2);
    held.queue.revoke([2, 7]);
    expect(held.failures).toEqual([{ leaseId: 2, code: "E_REVOKED" }]);
    expect(held.queue.leaseIds).toEqual([1]);
  });

  test("knows which blocks will not be done in time, by the speed of the last one", async () => {
    const held = new Held();
    await held.lease(1);
    // Nothing is known of the first: it may fit.
    expect(held.queue.unfinishedAfter(1_000)).toEqual([]);
    await held.end(600);
    expect(held.results).toEqual([1]);
    // 4 leaves of 600 ms, of which 1 s has passed: 1.4 s are left.
    await held.lease(2, 2);
    await held.lease(3);
    held.nowMs = 1_000;
    expect(held.queue.unfinishedAfter(1_300)).toEqual([3, 2]);
    expect(held.queue.unfinishedAfter(1_500)).toEqual([3]);
  });
});
