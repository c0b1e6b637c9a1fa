import { describe, expect, test } from "vitest";
import { step } from "./round.ts";
import {
  commandsOf,
  DrivenRound,
  evaluateSpec,
  leases,
  sent,
  told,
  trainSpec,
} from "./testing/driven-round.ts";

describe("a round", () => {
  test("leases blocks to ready workers alone", () => {
    const driven = new DrivenRound();
    driven.hello("w1");
    driven.join("w2");
    const commands = driven.start(trainSpec);
    expect(leases(commands, "w1")).toEqual([]);
    // One slot: one block to compute and one ahead.
    expect(leases(commands, "w2").map(({ index }) => index)).toEqual([0, 1]);
  });

  test("tells in a lease everything that decides the block's bits", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    expect(leases(driven.start(trainSpec))[0]).toEqual({
      type: "lease",
      leaseId: 1_000_000_000,
      round: 2,
      kind: "train",
      version: 0,
      split: "train",
      level: 0,
      index: 0,
      leafCount: 4,
      tasksPerLeaf: 2,
      firstEpisode: 40,
      taskCount: 8,
      leaseMs: 10_000,
    });
  });

  test("never uses a lease id of the coordinator's start before", () => {
    const idsOf = (incarnation: number): number[] => {
      const driven = new DrivenRound({ incarnation });
      driven.join("w1");
      return leases(driven.start(trainSpec)).map(({ leaseId }) => leaseId);
    };
    expect(idsOf(1)).toEqual([1_000_000_000, 1_000_000_001]);
    expect(idsOf(2)).toEqual([2_000_000_000, 2_000_000_001]);
  });

  test("sends the parameters in front of the first lease of a version, and once", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const commands = driven.start(trainSpec);
    expect(commands.filter(({ type }) => type !== "notify").map(({ type }) => type)).toEqual([
      "sendParams",
      "send",
      "send",
    ]);
    expect(commandsOf(commands, "sendParams")).toEqual([{ type: "sendParams", workerId: "w1", version: 0 }]);
    const [first] = leases(commands);
    expect(commandsOf(driven.result("w1", first!), "sendParams")).toEqual([]);
  });

  test("sends the parameters again when there is a new version, also to evaluate it", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    finish(driven, driven.start(trainSpec));
    const validation = driven.start({ ...evaluateSpec, number: 3, version: 1 });
    expect(commandsOf(validation, "sendParams")).toMatchObject([{ version: 1 }]);
    finish(driven, validation);
    expect(commandsOf(driven.start({ ...trainSpec, number: 4, version: 1 }), "sendParams")).toEqual([]);
  });

  test("is complete with the last block, and never before", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const completed: string[] = [];
    const open = leases(driven.start(trainSpec));
    const accepted: number[] = [];
    for (let lease = open.shift(); lease !== undefined; lease = open.shift()) {
      expect(completed).toEqual([]);
      const commands = driven.result("w1", lease);
      open.push(...leases(commands));
      accepted.push(...commandsOf(commands, "accept").map(({ index }) => index));
      completed.push(...commandsOf(commands, "complete").map(({ spec }) => spec.purpose));
    }
    expect(accepted).toEqual([0, 1, 2, 3]);
    expect(completed).toEqual(["train"]);
    expect(driven.state.rounds).toEqual([]);
  });

  test("of an evaluation needs statistics and no gradient", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const commands = driven.start(evaluateSpec);
    const [first, second] = leases(commands);
    expect(first).toMatchObject({ kind: "evaluate", split: "validation" });
    expect(commandsOf(driven.result("w1", first!), "accept")).toHaveLength(1);
    // 2 tasks x 2 statistics, and 3 floats that nobody asked for.
    expect(sent(driven.result("w1", second!, { bodyFloats: 7 }), "answer")).toMatchObject([
      { status: "rejected", reason: "expected 4 floats, got 7" },
    ]);
  });

  test("lets a worker that comes late take part", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.start(trainSpec);
    const commands = driven.join("w2");
    expect(commandsOf(commands, "sendParams")).toMatchObject([{ workerId: "w2", version: 0 }]);
    expect(leases(commands, "w2").map(({ index }) => index)).toEqual([2, 3]);
  });

  test("does not change the state that it is given", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const before = driven.state;
    const copy = structuredClone(before);
    step(before, { type: "start", spec: trainSpec }, 0);
    step(before, { type: "left", workerId: "w1", reason: "gone" }, 0);
    step(before, { type: "tick" }, 1e9);
    expect(before).toEqual(copy);
  });
});

describe("the end of a run", () => {
  test("is told to every worker, ready or not, and to those who come later", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.hello("w2");
    driven.start(trainSpec);
    const commands = driven.on({ type: "finish", outcome: "complete", message: "the plan is done" });
    for (const workerId of ["w1", "w2"]) {
      expect(sent(commands, "done", workerId)).toEqual([
        { type: "done", outcome: "complete", message: "the plan is done" },
      ]);
    }
    expect(commandsOf(commands, "close").map(({ workerId, code }) => [workerId, code])).toEqual([
      ["w1", 1000],
      ["w2", 1000],
    ]);
    expect(sent(driven.hello("w3"), "done")).toMatchObject([{ outcome: "complete" }]);
    expect(driven.state.members).toEqual([]);
  });

  test("stops everything else: nothing that comes later is answered", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [lease] = leases(driven.start(trainSpec));
    driven.on({ type: "finish", outcome: "stopped", message: "interrupted" });
    expect(driven.result("w1", lease!)).toEqual([]);
    expect(driven.ready("w1")).toEqual([]);
    expect(driven.pass(1e9)).toEqual([]);
  });

  test("cuts a message that the wire would not carry", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const commands = driven.on({ type: "finish", outcome: "failed", message: "x".repeat(10_000) });
    expect(sent(commands, "done")[0]!.message.length).toBeLessThanOrEqual(4_096);
  });
});

test("what a stranger says is ignored", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  const [lease] = leases(driven.start(trainSpec));
  const before = driven.state;
  expect(driven.ready("nobody")).toEqual([]);
  expect(driven.result("nobody", lease!)).toEqual([]);
  expect(driven.failed("nobody", lease!)).toEqual([]);
  expect(driven.on({ type: "heartbeat", workerId: "nobody", leases: [] })).toEqual([]);
  expect(driven.on({ type: "left", workerId: "nobody", reason: "gone" })).toEqual([]);
  expect(told(driven.pass(0), "worker-left")).toEqual([]);
  expect(driven.state).toEqual(before);
});

/** Hands in every block of a round with one worker. */
function finish(driven: DrivenRound, started: ReturnType<DrivenRound["start"]>): void {
  const open = leases(started);
  for (let lease = open.shift(); lease !== undefined; lease = open.shift()) {
    open.push(...leases(driven.result("w1", lease)));
  }
  expect(driven.state.rounds).toEqual([]);
}
