import { createRandom } from "@shoal/core/outer";
import { type Clock, systemClock } from "@shoal/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { plan, RUN_PATH, startDurableRun } from "./testing/durable-run.ts";
import { type Crash, MemoryDisk } from "./testing/memory-disk.ts";
import { hashesAlone } from "./testing/simulated-run.ts";
import { verifyRun } from "./verify-run.ts";

const hashes = hashesAlone().slice(0, plan.steps + 1);

/** A clock whose timers can be stopped, as those of a process that is gone. */
function mortalClock(): { readonly clock: Clock; readonly stop: () => void } {
  const cancels: (() => void)[] = [];
  const keep = (cancel: () => void): (() => void) => {
    cancels.push(cancel);
    return cancel;
  };
  return {
    clock: {
      nowMs: () => systemClock.nowMs(),
      after: (delayMs, run) => keep(systemClock.after(delayMs, run)),
      every: (intervalMs, run) => keep(systemClock.every(intervalMs, run)),
    },
    stop: () => {
      for (const cancel of cancels) cancel();
    },
  };
}

interface Crashed {
  /** Null: the run was over before. */
  readonly disk: MemoryDisk | null;
  /** Steps that the run had told when it crashed. */
  readonly toldSteps: number;
}

/** Runs on a disk that stops at one of its operations. */
async function runUntilCrash(
  at: number,
  part: number,
  diskWith: (crash: Crash, onCrash: () => void) => MemoryDisk = (...options) => new MemoryDisk(...options),
): Promise<Crashed> {
  const { clock, stop } = mortalClock();
  let toldSteps = 0;
  let disk: MemoryDisk | undefined;
  const crashed = new Promise<void>((resolve) => {
    disk = diskWith({ at, part }, resolve);
  });
  const onEvent = (event: { readonly type: string; readonly step?: number }): void => {
    if (event.type === "step") toldSteps = event.step!;
  };
  const run = startDurableRun({ disk: disk!, clock, onEvent }).then(({ outcome }) => outcome);
  const end = await Promise.race([crashed.then(() => "crash"), run.then(() => "end")]);
  stop();
  return { disk: end === "crash" ? disk! : null, toldSteps };
}

/** Goes on from what is left, to the end: from a committed step, to the bits of a run that was left alone. */
async function checkRecovery(files: ReadonlyMap<string, Buffer>): Promise<{ readonly step: number }> {
  const disk = new MemoryDisk(null, undefined, files);
  const { start, findings, outcome } = await startDurableRun({ disk });
  expect(start.paramsHash).toBe(hashes[start.step]);
  expect(await outcome).toMatchObject({ type: "complete", paramsHash: hashes.at(-1) });
  const verified = await verifyRun(RUN_PATH, { disk, outerOf: () => plan.outer });
  expect(verified.checks.filter(({ outcome }) => outcome === "fault")).toEqual([]);
  expect(verified).toMatchObject({ step: plan.steps, paramsHash: hashes.at(-1) });
  // A crash damages nothing but what was being written: the end of the log.
  for (const { message } of findings) {
    expect(message).toMatch(/\/log\/.*(its last record is cut off|is damaged) at byte/);
  }
  return { step: start.step };
}

describe("a coordinator that crashes", () => {
  test("at any operation of the disk, in any part of a write, goes on from what it had committed", async () => {
    let at = 1;
    for (; ; at++) {
      const { disk, toldSteps } = await runUntilCrash(at, (at % 5) / 4);
      if (disk === null) break;
      const { step } = await checkRecovery(disk.survivors({ type: "killed" }));
      // What was told is on its way to the disk; the rounds that went out with it may be lost.
      expect(step, `operation ${at}`).toBeLessThanOrEqual(toldSteps);
    }
    // Seven steps, four evaluations, five checkpoints of two files: the run does write.
    expect(at).toBeGreaterThan(60);
  });

  test("with a power failure at any operation, after a kill or another one, goes on from what it had committed", async () => {
    const arbitrary = fc.record({
      seed: fc.nat(),
      first: fc.integer({ min: 1, max: 120 }),
      second: fc.integer({ min: 1, max: 80 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
      isKilledFirst: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(arbitrary, async ({ seed, first, second, part, isKilledFirst }) => {
        const random = createRandom(seed);
        const once = await runUntilCrash(first, part);
        if (once.disk === null) return;
        const before = once.disk;
        // What a killed process has written and not synced, the power failure can still take away.
        const twice = await runUntilCrash(second, part, (crash, onCrash) =>
          isKilledFirst
            ? before.afterKill(crash, onCrash)
            : new MemoryDisk(crash, onCrash, before.survivors({ type: "power-failure", random })),
        );
        if (twice.disk === null) return;
        await checkRecovery(twice.disk.survivors({ type: "power-failure", random }));
      }),
      { numRuns: 60 },
    );
  });
});
