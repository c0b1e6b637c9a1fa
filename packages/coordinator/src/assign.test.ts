import type { Lease } from "@shoal/protocol";
import { describe, expect, test } from "vitest";
import type { Command } from "./round-state.ts";
import { commandsOf, DrivenRound, leases, trainSpec } from "./testing/driven-round.ts";

test("idle workers come first: nobody gets a block ahead while somebody has nothing to do", () => {
  const driven = new DrivenRound();
  for (const workerId of ["w1", "w2", "w3"]) driven.join(workerId);
  const started = driven.start(trainSpec);
  for (const workerId of ["w1", "w2", "w3"]) expect(leases(started, workerId).length).toBeGreaterThan(0);
  expect(leases(started)).toHaveLength(4);
});

test("a worker holds at most one block ahead per slot", () => {
  const driven = new DrivenRound();
  driven.join("w1", 3);
  // 64 leaves: more blocks than the 2 x 3 that it may hold.
  expect(leases(driven.start({ ...trainSpec, taskCount: 128 }))).toHaveLength(6);
});

/** Lets every open lease be answered, at `leafMs` per leaf of its worker, until the round is over. */
function finish(driven: DrivenRound, commands: readonly Command[], leafMs: Record<string, number>): void {
  const open = commandsOf(commands, "send").filter(({ message }) => message.type === "lease");
  for (let next = open.shift(); next !== undefined; next = open.shift()) {
    const lease = next.message as Lease;
    const computeMs = leafMs[next.workerId]! * 2 ** lease.level;
    const answered = driven.result(next.workerId, lease, { computeMs });
    open.push(...commandsOf(answered, "send").filter(({ message }) => message.type === "lease"));
  }
}

const next = { ...trainSpec, number: 3, version: 1 };
const sizes = (granted: readonly Lease[]): number[] => granted.map(({ level }) => 2 ** level);

describe("the size of a block", () => {
  test("is half of what the slot is expected to get, and half of the rest after that", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    finish(driven, driven.start(trainSpec), { w1: 100 });
    // 32 leaves for one slot: 16, of the other 16 half are 8 ahead.
    const started = driven.start({ ...next, taskCount: 64 });
    expect(sizes(leases(started))).toEqual([16, 8]);
    expect(leases(started).map(({ index }) => index)).toEqual([0, 2]);
  });

  test("follows the worker's speed: one three times as fast gets a bigger one", () => {
    const driven = new DrivenRound();
    driven.join("fast");
    driven.join("slow");
    finish(driven, driven.start({ ...trainSpec, taskCount: 16 }), { fast: 100, slow: 300 });
    // 64 leaves: 48 for the fast one, 16 for the slow one, and half of each at first; 24 rounds to 32.
    const started = driven.start({ ...next, taskCount: 128 });
    expect(sizes(leases(started, "fast"))[0]).toBe(32);
    expect(sizes(leases(started, "slow"))[0]).toBe(8);
  });

  test("is what two thousand ms per leaf leave of five seconds", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    finish(driven, driven.start(trainSpec), { w1: 2_000 });
    expect(sizes(leases(driven.start({ ...next, taskCount: 128 })))).toEqual([2, 2]);
  });

  test("is never so small that its messages cost more than its work", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.join("w2");
    finish(driven, driven.start(trainSpec), { w1: 10, w2: 10 });
    // Two leaves are 20 ms. 8 leaves for two slots: all blocks have two.
    const started = driven.start({ ...next, taskCount: 16 });
    expect(sizes(leases(started))).toEqual([2, 2, 2, 2]);
  });

  test("is bounded while nobody's speed is known", () => {
    const driven = new DrivenRound({ leavesUnmeasured: 8 });
    driven.join("w1", 2);
    expect(sizes(leases(driven.start({ ...trainSpec, taskCount: 128 })))).toEqual([8, 8, 8, 8]);
  });

  test("is one leaf where there are as many slots as leaves, also if the tree is uneven", () => {
    const driven = new DrivenRound();
    driven.join("w1", 16);
    const started = driven.start({ ...trainSpec, taskCount: 26 });
    const granted = leases(started).toSorted((a, b) => a.index - b.index);
    expect(granted.map(({ level, index }) => [level, index])).toEqual(
      Array.from({ length: 13 }, (_, index) => [0, index]),
    );
  });
});

describe("the block of a relay", () => {
  const withRelay = (slots: number): DrivenRound => {
    const driven = new DrivenRound();
    driven.hello("relay");
    driven.ready("relay", { slots, dividesBlocks: true });
    return driven;
  };

  test("has a leaf for every slot, so that one sum comes back", () => {
    // 8 leaves of 2 tasks for 8 slots.
    expect(sizes(leases(withRelay(8).start({ ...trainSpec, taskCount: 16 })))).toEqual([8]);
  });

  test("is a node of the tree: 6 slots get 4 leaves and 2", () => {
    expect(sizes(leases(withRelay(6).start({ ...trainSpec, taskCount: 12 })))).toEqual([4, 2]);
  });

  test("takes as much as the slots do together, half of it now", () => {
    const driven = withRelay(4);
    finish(driven, driven.start(trainSpec), { relay: 100 });
    // 32 leaves for 4 slots: 16, then 8, of the rest. All slots are busy and each has one block ahead.
    expect(sizes(leases(driven.start({ ...next, taskCount: 64 })))).toEqual([16, 8]);
  });

  test("is as big as its part of the work beside others", () => {
    const driven = withRelay(4);
    driven.join("w1");
    driven.join("w2");
    const started = driven.start({ ...trainSpec, taskCount: 16 });
    expect(sizes(leases(started, "relay"))[0]).toBe(4);
    expect(sizes(leases(started, "w1"))).toEqual([1]);
    expect(sizes(leases(started, "w2"))).toEqual([1]);
  });
});

test("near the end a worker gets nothing that others would finish without it", () => {
  const driven = new DrivenRound();
  driven.join("fast");
  driven.join("slow");
  finish(driven, driven.start(trainSpec), { fast: 100, slow: 10_000 });
  const started = driven.start(next);
  expect(leases(started, "slow")).toEqual([]);
  // 4 leaves: two, then one ahead, then the last.
  expect(sizes(leases(started, "fast"))).toEqual([2, 1]);
  const [mine] = leases(started, "fast");
  expect(sizes(leases(driven.result("fast", mine!, { computeMs: 200 }), "fast"))).toEqual([1]);
});

test("a stall is believed to last for twice the usual time, once", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  const open = leases(driven.start(trainSpec));
  driven.result("w1", open[0]!, { computeMs: 100 });
  driven.result("w1", open[1]!, { computeMs: 5_000 });
  // Half of 100, and half of 2 x 100.
  expect(driven.state.members[0]!.leafMs).toEqual({ train: 150, evaluate: null });
});

test("the speed that counts is that of the kind of work", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  const [lease] = leases(driven.start(trainSpec));
  driven.result("w1", lease!, { computeMs: 100 });
  driven.result("w1", { ...lease!, index: 1 }, { computeMs: 60 });
  // Half the old value, half the new one.
  expect(driven.state.members[0]!.leafMs).toEqual({ train: 80, evaluate: null });
});

test("a block that has failed goes to a worker whose results have counted, not to one that just came", () => {
  const driven = new DrivenRound();
  driven.join("honest");
  // All 4 blocks of a round by the honest worker: its results count.
  for (let open = leases(driven.start(trainSpec)); open.length > 0; ) {
    const [lease, ...rest] = open;
    open = [...rest, ...leases(driven.result("honest", lease!))];
  }
  driven.join("false");
  const started = driven.start({ ...trainSpec, number: 3, version: 1 });
  driven.join("newcomer");
  const [spoiled] = leases(started, "false");
  const after = driven.result("false", spoiled!, { invalid: "not finite" });
  // The newcomer has nothing to do, and still the block waits for the honest worker, who is busy.
  expect(leases(after, "newcomer")).toEqual([]);
  const [mine] = leases(started, "honest");
  expect(leases(driven.result("honest", mine!), "honest").map(({ index }) => index)).toContain(
    spoiled!.index,
  );
});
