import { describe, expect, test } from "vitest";
import { BLOCK_FAILURES_MAX, WORKER_FAILURES_MAX } from "./limits.ts";
import type { Command } from "./round-state.ts";
import { commandsOf, DrivenRound, leases, sent, told, trainSpec } from "./testing/driven-round.ts";

describe("a result", () => {
  test("of the lease that was granted is accepted, and the next block follows", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    const commands = driven.result("w1", first!);
    expect(commandsOf(commands, "accept")).toEqual([
      { type: "accept", workerId: "w1", round: 2, level: 0, index: 0, keep: false },
    ]);
    expect(sent(commands, "answer")).toEqual([
      { type: "answer", leaseId: first!.leaseId, status: "accepted", version: 0 },
    ]);
    expect(leases(commands).map(({ index }) => index)).toEqual([2]);
  });

  test("that comes twice is answered `duplicate` and not counted again", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    driven.result("w1", first!);
    const commands = driven.result("w1", first!);
    expect(commandsOf(commands, "accept")).toEqual([]);
    // A worker's copy of its own result proves nothing.
    expect(commandsOf(commands, "compare")).toEqual([]);
    expect(sent(commands, "answer")).toEqual([
      { type: "answer", leaseId: first!.leaseId, status: "duplicate", version: 0 },
    ]);
    expect(told(commands, "result-unused")).toMatchObject([{ status: "duplicate", round: 2, index: 0 }]);
  });

  test.each([
    ["another round", { round: 1 }],
    ["another version", { version: 7 }],
    ["a level that the tree does not have", { level: 3 }],
    ["a block that the round does not have", { index: 4 }],
  ])("of %s is answered `stale` with the version that counts, and not counted", (_, changed) => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    const commands = driven.result("w1", first!, changed);
    expect(commandsOf(commands, "accept")).toEqual([]);
    expect(sent(commands, "answer")).toEqual([
      { type: "answer", leaseId: first!.leaseId, status: "stale", version: 0 },
    ]);
    expect(driven.state.rounds[0]!.blocks.every(({ winner }) => winner === null)).toBe(true);
    // The lease is answered, if uselessly: its block waits for a worker again, and gets this one.
    expect(leases(commands).map(({ index }) => index)).toEqual([0]);
  });

  test("between two rounds is stale", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const open = leases(driven.start(trainSpec));
    const [first] = open;
    for (let lease = open.shift(); lease !== undefined; lease = open.shift()) {
      open.push(...leases(driven.result("w1", lease)));
    }
    expect(sent(driven.result("w1", first!), "answer")).toMatchObject([{ status: "stale" }]);
  });

  test("of a step that is committed is answered with the next acceptable step", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const open = leases(driven.start(trainSpec));
    const [first] = open;
    for (let lease = open.shift(); lease !== undefined; lease = open.shift()) {
      open.push(...leases(driven.result("w1", lease)));
    }
    driven.start({ ...trainSpec, number: 3, version: 1 });
    expect(sent(driven.result("w1", first!), "answer")).toMatchObject([{ status: "stale", version: 1 }]);
  });

  test("of a worker that lost its lease with its connection still counts", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    driven.on({ type: "left", workerId: "w1", reason: "connection closed" });
    // w1 comes back as w2, is asked for block 0 again, and hands in what it has.
    const [again] = leases(driven.join("w2"));
    expect(again).toMatchObject({ index: 0 });
    const commands = driven.result("w2", first!);
    expect(commandsOf(commands, "accept")).toMatchObject([{ workerId: "w2", index: 0 }]);
    expect(sent(commands, "revoke")).toEqual([{ type: "revoke", leaseIds: [again!.leaseId] }]);
  });

  test("for a block that somebody else computes revokes that lease and is kept for the comparison", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    driven.on({ type: "left", workerId: "w1", reason: "connection closed" });
    const again = leases(driven.join("w2"), "w2").find(({ index }) => index === 0)!;
    driven.join("w3");
    const commands = driven.result("w3", first!);
    expect(commandsOf(commands, "accept")).toMatchObject([{ index: 0, keep: true }]);
    expect(sent(commands, "revoke", "w2")).toEqual([{ type: "revoke", leaseIds: [again.leaseId] }]);
    // w2 had begun: its copy is compared, and does not count.
    const second = driven.result("w2", again);
    expect(commandsOf(second, "accept")).toEqual([]);
    expect(commandsOf(second, "compare")).toMatchObject([
      { round: 2, level: 0, index: 0, workers: ["w3 (host:7)", "w2 (host:7)"] },
    ]);
  });

  test("before `ready` is not looked at", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    driven.hello("w2");
    expect(driven.result("w2", first!)).toEqual([]);
  });
});

describe("a result that cannot be used", () => {
  // Block 0 has 2 tasks with 1 statistic each, and a gradient of 3 floats: 2 * 1 + 3 = 5.
  test.each([
    [{ taskCount: 3 }, "expected 2 tasks, got 3"],
    [{ statCount: 2 }, "expected 1 statistics, got 2"],
    [{ bodyFloats: 4 }, "expected 5 floats, got 4"],
    [{ bodyFloats: 0 }, "expected 5 floats, got 0"],
    [{ invalid: "episode 41: loss is NaN" }, "episode 41: loss is NaN"],
  ])("(%j) is rejected with the reason, and counts nowhere", (changed, reason) => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    const commands = driven.result("w1", first!, changed);
    expect(sent(commands, "answer")).toEqual([
      { type: "answer", leaseId: first!.leaseId, status: "rejected", version: 0, reason },
    ]);
    expect(commandsOf(commands, "accept")).toEqual([]);
    expect(told(commands, "block-failed")).toMatchObject([
      { tasks: "train episodes 40-41", reason: `result rejected: ${reason}`, failures: 1 },
    ]);
  });

  test("goes to another worker, as long as there is one that has not failed on it", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.join("w2");
    const started = driven.start(trainSpec);
    const mine = leases(started, "w1")[0]!;
    const other = leases(started, "w2")[0]!;
    const commands = [
      ...driven.result("w1", mine, { invalid: "episode 40: loss is NaN" }),
      ...driven.result("w2", other),
    ];
    const [again] = leases(commands).filter(({ index }) => index === mine.index);
    expect(leases(commands, "w2")).toContainEqual(again);
    expect(commandsOf(driven.result("w2", again!), "accept")).toMatchObject([{ index: mine.index }]);
  });

  test("and comes twice is one failure", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.join("w2");
    const mine = leases(driven.start(trainSpec), "w1")[0]!;
    const invalid = "episode 40: loss is NaN";
    driven.result("w1", mine, { invalid });
    const commands = driven.result("w1", mine, { invalid });
    expect(sent(commands, "answer")).toMatchObject([{ status: "rejected" }]);
    expect(told(commands, "block-failed")).toEqual([]);
    expect(driven.state.rounds[0]!.blocks[mine.index]!.failures).toHaveLength(1);
  });

  test("is tried again by the only worker", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    const commands = driven.failed("w1", first!);
    expect(leases(commands).map(({ index }) => index)).toEqual([0]);
    expect(told(commands, "block-failed")).toMatchObject([{ reason: "E_BROKEN: no memory" }]);
  });

  test("ends the run when the same block has failed too often, and says which", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    let [lease] = leases(driven.start(trainSpec));
    for (let failure = 1; failure < BLOCK_FAILURES_MAX; failure++) {
      const commands = driven.failed("w1", lease!);
      expect(commandsOf(commands, "fail")).toEqual([]);
      [lease] = leases(commands);
    }
    const [fail] = commandsOf(driven.failed("w1", lease!), "fail");
    expect(fail!.code).toBe("E_BLOCK");
    expect(fail!.message).toContain("train episodes 40-41, step 0: failed 3 times");
    expect(fail!.message).toContain("w1@host: E_BROKEN: no memory");
  });

  test("goes to somebody who was away meanwhile, before it ends the run", () => {
    const driven = new DrivenRound();
    driven.join("broken");
    let [lease] = leases(driven.start(trainSpec));
    for (let failure = 1; failure < BLOCK_FAILURES_MAX; failure++) {
      [lease] = leases(driven.failed("broken", lease!));
    }
    driven.join("healthy");
    const commands = driven.failed("broken", lease!);
    expect(commandsOf(commands, "fail")).toEqual([]);
    // Where it has not failed, and nowhere else, as soon as there is room.
    expect(leases(commands, "broken").map(({ index }) => index)).not.toContain(lease!.index);
  });

  test("on one worker that comes back under new ids is one worker's failure, and the run has others", () => {
    const driven = new DrivenRound();
    driven.start(trainSpec);
    let commands: readonly Command[] = [];
    for (let failure = 1; failure <= BLOCK_FAILURES_MAX; failure++) {
      const workerId = `w${failure}`;
      driven.hello(workerId, undefined, "broken");
      const lease = leases(driven.ready(workerId)).find(({ index }) => index === 0)!;
      if (failure === BLOCK_FAILURES_MAX) driven.join("healthy");
      commands = driven.failed(workerId, lease);
      driven.on({ type: "left", workerId, reason: "restarted" });
    }
    expect(told(commands, "block-failed")).toMatchObject([{ failures: BLOCK_FAILURES_MAX }]);
    expect(commandsOf(commands, "fail")).toEqual([]);
    // Nor does it get the block again while somebody is there who has not tried it.
    driven.hello("w4", undefined, "broken");
    expect(leases(driven.ready("w4")).map(({ index }) => index)).not.toContain(0);
  });

  test("again and again, on different blocks, has its worker refused", () => {
    const driven = new DrivenRound();
    // 16 leaves, and a healthy worker that takes what the broken one fails on.
    driven.join("broken", 2);
    driven.hello("healthy");
    const spec = { ...trainSpec, taskCount: 64 };
    const open = leases(driven.start(spec), "broken");
    driven.ready("healthy");
    let refused: readonly unknown[] = [];
    let failures = 0;
    while (refused.length === 0 && failures < 20) {
      const commands = driven.failed("broken", open.shift()!);
      failures++;
      open.push(...leases(commands, "broken"));
      refused = sent(commands, "refuse", "broken");
    }
    expect(failures).toBe(WORKER_FAILURES_MAX);
    expect(refused).toMatchObject([{ code: "E_WORKER" }]);
    expect(driven.state.members.map(({ workerId }) => workerId)).toEqual(["healthy"]);
  });

  test("does not count against a worker that has succeeded since", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first, second] = leases(driven.start(trainSpec));
    driven.failed("w1", first!);
    expect(driven.state.members[0]!.failuresInRow).toBe(1);
    driven.result("w1", second!);
    expect(driven.state.members[0]!.failuresInRow).toBe(0);
  });

  test("costs nothing when the block is done, or is computed by somebody else", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    driven.result("w1", first!);
    expect(told(driven.failed("w1", first!), "block-failed")).toEqual([]);
    expect(driven.state.members[0]!.failuresInRow).toBe(0);
  });
});
