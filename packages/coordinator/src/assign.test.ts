import { expect, test } from "vitest";
import { DrivenRound, leases, trainSpec } from "./testing/driven-round.ts";

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

test("the last blocks of a step go to the worker that finishes them first", () => {
  const driven = new DrivenRound();
  driven.join("fast");
  driven.join("slow");
  const started = driven.start(trainSpec);
  const open = leases(started);
  const isFast = new Set(leases(started, "fast").map(({ leaseId }) => leaseId));
  for (const lease of open) {
    if (isFast.has(lease.leaseId)) driven.result("fast", lease, { computeMs: 100 });
    else driven.result("slow", lease, { computeMs: 10_000 });
  }
  // 4 blocks of 100 ms or 10 s: the slow worker is idle and gets one; it gets none ahead.
  const next = driven.start({ ...trainSpec, number: 3, version: 1 });
  expect(leases(next, "slow")).toHaveLength(1);
  expect(leases(next, "fast")).toHaveLength(2);
  const last = driven.state.round!.blocks.find(({ lease }) => lease === null)!;
  const [mine] = leases(next, "fast");
  expect(leases(driven.result("fast", mine!)).map(({ index }) => index)).toEqual([last.index]);
});

test("the speed that counts is that of the kind of work", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  const [lease] = leases(driven.start(trainSpec));
  driven.result("w1", lease!, { computeMs: 100 });
  driven.result("w1", { ...lease!, index: 1 }, { computeMs: 300 });
  // Half the old value, half the new one.
  expect(driven.state.members[0]!.leafMs).toEqual({ train: 200, evaluate: null });
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
