import { describe, expect, test } from "vitest";
import { BLOCK_FAILURES_MAX } from "./limits.ts";
import { commandsOf, DrivenRound, leases, sent, told, trainSpec } from "./testing/driven-round.ts";

describe("a worker that is not heard", () => {
  test("is dropped after four heartbeats, and its blocks go to others", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.start(trainSpec);
    driven.hello("w2");
    expect(commandsOf(driven.pass(3_999, ["w2"]), "close")).toEqual([]);
    const commands = driven.pass(1, ["w2"]);
    expect(commandsOf(commands, "close")).toEqual([
      { type: "close", workerId: "w1", code: 1008, reason: "silent for 4000 ms" },
    ]);
    expect(told(commands, "worker-left")).toMatchObject([{ workerId: "w1", blocksReturned: 2 }]);
    expect(leases(driven.ready("w2"), "w2").map(({ index }) => index)).toEqual([0, 1]);
  });

  test("lives on every message, and on the bytes of one that is still coming in", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [lease] = leases(driven.start(trainSpec));
    for (const speak of [
      () => driven.on({ type: "heartbeat", workerId: "w1", leases: [] }),
      () => driven.result("w1", lease!),
      () => driven.on({ type: "heard", workerId: "w1", atMs: driven.nowMs }),
    ]) {
      driven.nowMs += 3_999;
      speak();
      expect(commandsOf(driven.pass(0), "close")).toEqual([]);
    }
    // Bytes that came long ago are no sign of life now.
    driven.nowMs += 4_000;
    driven.on({ type: "heard", workerId: "w1", atMs: driven.nowMs - 4_000 });
    expect(commandsOf(driven.pass(0), "close")).toHaveLength(1);
  });
});

test("a worker that prepares too long is dropped, although it is heard", () => {
  const driven = new DrivenRound();
  driven.hello("w1");
  for (let ms = 0; ms < 29_000; ms += 1_000)
    expect(commandsOf(driven.pass(1_000, ["w1"]), "close")).toEqual([]);
  expect(commandsOf(driven.pass(1_000, ["w1"]), "close")).toMatchObject([
    { workerId: "w1", reason: "not ready within 30000 ms" },
  ]);
});

describe("a lease that runs out", () => {
  /** Lets the leases of w1 run out while it lives. */
  function late(): {
    driven: DrivenRound;
    mine: ReturnType<typeof leases>;
    commands: ReturnType<DrivenRound["pass"]>;
  } {
    const driven = new DrivenRound();
    driven.join("w1");
    const mine = leases(driven.start(trainSpec));
    for (let ms = 0; ms < 9_000; ms += 1_000) {
      expect(told(driven.pass(1_000, ["w1"]), "lease-late")).toEqual([]);
    }
    return { driven, mine, commands: driven.pass(1_000, ["w1"]) };
  }

  test("is announced, and its worker gets no other while it owes the answer", () => {
    const { commands } = late();
    // Dropped after ABANDON_FACTOR = 4 leases of 10 s in all: 30 s from now.
    expect(told(commands, "lease-late")).toMatchObject([
      { tasks: "train episodes 40-41", leaseMs: 10_000, abandonMs: 30_000 },
      { tasks: "train episodes 42-43" },
    ]);
    expect(leases(commands)).toEqual([]);
  });

  test("has its block leased to somebody else", () => {
    const { driven } = late();
    expect(leases(driven.join("w2"), "w2").map(({ index }) => index)).toEqual([0, 1]);
  });

  test("still counts when it is answered first; the second copy is compared", () => {
    const { driven, mine } = late();
    const again = leases(driven.join("w2"), "w2")[0]!;
    const commands = driven.result("w1", mine[0]!);
    expect(commandsOf(commands, "accept")).toMatchObject([{ workerId: "w1", index: 0, keep: true }]);
    expect(sent(commands, "revoke", "w2")).toEqual([{ type: "revoke", leaseIds: [again.leaseId] }]);
    expect(commandsOf(driven.result("w2", again), "compare")).toHaveLength(1);
  });

  test("is revoked when somebody else was faster, so that it is not begun", () => {
    const { driven, mine } = late();
    const again = leases(driven.join("w2"), "w2")[0]!;
    const commands = driven.result("w2", again);
    expect(commandsOf(commands, "accept")).toMatchObject([{ workerId: "w2", keep: true }]);
    expect(sent(commands, "revoke", "w1")).toEqual([{ type: "revoke", leaseIds: [mine[0]!.leaseId] }]);
  });

  test("is forgiven when the worker says that it does not hold it any more", () => {
    const { driven, mine } = late();
    const held = mine.map(({ leaseId }) => leaseId);
    expect(leases(driven.on({ type: "heartbeat", workerId: "w1", leases: held }))).toEqual([]);
    const commands = driven.on({ type: "heartbeat", workerId: "w1", leases: [] });
    expect(leases(commands, "w1").map(({ index }) => index)).toEqual([0, 1]);
  });

  test("costs the worker its place in the end, and counts as a failure of the block", () => {
    const { driven } = late();
    driven.join("w2");
    const commands: ReturnType<DrivenRound["pass"]>[number][] = [];
    for (let ms = 0; ms < 30_000; ms += 1_000) commands.push(...driven.pass(1_000, ["w1"]));
    expect(commandsOf(commands, "close").filter(({ workerId }) => workerId === "w1")).toEqual([
      { type: "close", workerId: "w1", code: 1008, reason: "lease 1000000000 was not answered" },
    ]);
    expect(told(commands, "block-failed").map(({ tasks, reason }) => [tasks, reason])).toEqual([
      ["train episodes 40-41", "no answer"],
      ["train episodes 42-43", "no answer"],
    ]);
  });

  test("again and again, because the block hangs every worker, ends the run", () => {
    const driven = new DrivenRound();
    driven.start(trainSpec);
    const failed: string[] = [];
    // Worker after worker takes a lease and never answers, though it lives.
    for (let i = 1; i <= BLOCK_FAILURES_MAX; i++) {
      driven.join(`w${i}`);
      for (let ms = 0; ms < 40_000; ms += 1_000) {
        failed.push(...commandsOf(driven.pass(1_000, [`w${i}`]), "fail").map(({ code }) => code));
      }
    }
    expect(failed[0]).toBe("E_BLOCK");
  });

  test("gets longer with the time that the worker's blocks take, four times as long", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    // 3 s per leaf: the next block is the second in line, so expected in 6 s.
    const [next] = leases(driven.result("w1", first!, { computeMs: 3_000 }));
    expect(next!.leaseMs).toBe(4 * 6_000);
  });

  test("is never shorter than a pause that any machine may take", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    expect(leases(driven.result("w1", first!, { computeMs: 1 }))[0]!.leaseMs).toBe(2_000);
  });
});

test("heartbeats go to every worker at their interval", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  driven.hello("w2");
  expect(sent(driven.pass(999, ["w1", "w2"]), "heartbeat")).toEqual([]);
  expect(sent(driven.pass(1, ["w1", "w2"]), "heartbeat")).toHaveLength(2);
  expect(sent(driven.pass(999, ["w1", "w2"]), "heartbeat")).toEqual([]);
  expect(sent(driven.pass(1, ["w1", "w2"]), "heartbeat")).toHaveLength(2);
});
