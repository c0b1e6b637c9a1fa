import { describe, expect, test } from "vitest";
import { SLOTS_MAX } from "./limits.ts";
import { commandsOf, DrivenRound, dataHash, leases, sent, told, trainSpec } from "./testing/driven-round.ts";

describe("a worker that says hello", () => {
  test("is welcome, and told what it needs to prepare", () => {
    const driven = new DrivenRound({}, { dataHash });
    const commands = driven.hello("w1");
    expect(sent(commands, "welcome")).toEqual([
      {
        type: "welcome",
        protocol: 1,
        runId: "run-1",
        workerId: "w1",
        incarnation: 1,
        heartbeatMs: 1_000,
        silenceMs: 4_000,
        experiment: { name: "small" },
        dataHash,
        sizes: { params: 3, trainStats: 1, evaluateStats: 2 },
      },
    ]);
    expect(told(commands, "worker-joined")).toMatchObject([{ workerId: "w1", worker: "w1 (host:7)" }]);
  });

  test("in another version of the protocol is refused, with what to do", () => {
    const driven = new DrivenRound();
    const commands = driven.hello("w1", { min: 2, max: 3 });
    const [refuse] = sent(commands, "refuse");
    expect(refuse).toMatchObject({ code: "E_PROTOCOL" });
    expect(refuse!.message).toContain("versions 1-1, this worker 2-3; install one version");
    expect(commandsOf(commands, "close")).toMatchObject([{ workerId: "w1", code: 1008 }]);
    expect(driven.state.members).toEqual([]);
  });

  test("twice is dropped: one connection is one worker", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const commands = driven.hello("w1");
    expect(commandsOf(commands, "close")).toMatchObject([{ code: 1002, reason: "hello was said twice" }]);
    expect(driven.state.members).toEqual([]);
  });
});

describe("a worker that is ready", () => {
  test("binds the run to its data when it is the first", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    expect(driven.state.dataHash).toBe(dataHash);
    expect(sent(driven.hello("w2"), "welcome")).toMatchObject([{ dataHash }]);
  });

  test("with other data is refused", () => {
    const driven = new DrivenRound({}, { dataHash });
    driven.hello("w1");
    const commands = driven.ready("w1", { dataHash: "e".repeat(64) });
    expect(sent(commands, "refuse")).toMatchObject([{ code: "E_DATA_HASH" }]);
    expect(told(commands, "worker-refused")).toMatchObject([{ code: "E_DATA_HASH" }]);
    expect(driven.state).toMatchObject({ members: [], dataHash });
  });

  test("with another model is refused, and does not bind the run to its data", () => {
    const driven = new DrivenRound();
    driven.hello("w1");
    const commands = driven.ready("w1", { paramCount: 4 });
    expect(sent(commands, "refuse")[0]!.message).toContain("this run has 3 parameters, this worker's has 4");
    expect(driven.state).toMatchObject({ members: [], dataHash: null });
  });

  test("twice is dropped", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    expect(commandsOf(driven.ready("w1"), "close")).toMatchObject([{ code: 1002 }]);
  });

  test("is believed to have no more slots than a machine can have", () => {
    const driven = new DrivenRound();
    driven.join("w1", 1e9);
    expect(driven.state.members[0]!.status).toMatchObject({ slots: SLOTS_MAX });
  });
});

describe("a worker that leaves", () => {
  test("returns its blocks, and others get them", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.join("w2");
    const started = driven.start(trainSpec);
    const [lost] = leases(started, "w1");
    const left = driven.on({ type: "left", workerId: "w1", reason: "killed" });
    expect(told(left, "worker-left")).toMatchObject([
      { workerId: "w1", reason: "killed", blocksReturned: leases(started, "w1").length, workersReady: 1 },
    ]);
    // w2 is full; as it hands in its blocks, it gets those of w1.
    const regained: number[] = [];
    const open = [...leases(started, "w2"), ...leases(left, "w2")];
    for (let lease = open.shift(); lease !== undefined; lease = open.shift()) {
      const granted = leases(driven.result("w2", lease), "w2");
      open.push(...granted);
      regained.push(...granted.map(({ index }) => index));
    }
    expect(regained).toContain(lost!.index);
    expect(driven.state.rounds).toEqual([]);
  });

  test("and comes back gets the parameters anew", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.start(trainSpec);
    driven.on({ type: "left", workerId: "w1", reason: "connection closed" });
    const commands = driven.join("w2");
    expect(commandsOf(commands, "sendParams")).toMatchObject([{ workerId: "w2" }]);
    expect(leases(commands).map(({ index }) => index)).toEqual([0, 1]);
  });

  test("is left once, however often its end is told", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.on({ type: "left", workerId: "w1", reason: "leaving" });
    expect(driven.on({ type: "left", workerId: "w1", reason: "connection closed" })).toEqual([]);
  });
});

describe("a relay whose workers come and go", () => {
  test("has as many slots as its last heartbeat says, and is leased as much", () => {
    const driven = new DrivenRound();
    driven.hello("relay");
    driven.ready("relay", { slots: 1 });
    const before = leases(driven.start({ ...trainSpec, taskCount: 32 }), "relay");
    // Two leases per slot: one to compute, one ahead.
    expect(before).toHaveLength(2);
    const beat = (slots: number) =>
      driven.on({
        type: "heartbeat",
        workerId: "relay",
        leases: before.map(({ leaseId }) => leaseId),
        slots,
      });
    const commands = beat(3);
    expect(told(commands, "worker-slots")).toEqual([
      { type: "worker-slots", workerId: "relay", worker: "relay (host:7)", slots: 3, before: 1 },
    ]);
    expect(leases(commands, "relay")).toHaveLength(4);
    expect(told(beat(3), "worker-slots")).toEqual([]);
  });

  test("keeps what it was leased when it has fewer slots, and gets nothing new before it has room", () => {
    const driven = new DrivenRound();
    driven.hello("relay");
    driven.ready("relay", { slots: 2 });
    const [first] = leases(driven.start({ ...trainSpec, taskCount: 32 }), "relay");
    const held = driven.state.rounds[0]!.blocks.flatMap((block) =>
      block.leases.map(({ leaseId }) => leaseId),
    );
    driven.on({ type: "heartbeat", workerId: "relay", leases: held, slots: 1 });
    expect(driven.state.rounds[0]!.blocks.flatMap((block) => block.leases)).toHaveLength(4);
    expect(leases(driven.result("relay", first!), "relay")).toEqual([]);
  });

  test("cannot claim more slots than a worker may have, nor any before it is ready", () => {
    const driven = new DrivenRound();
    driven.hello("relay");
    expect(
      told(driven.on({ type: "heartbeat", workerId: "relay", leases: [], slots: 9 }), "worker-slots"),
    ).toEqual([]);
    driven.ready("relay");
    driven.on({ type: "heartbeat", workerId: "relay", leases: [], slots: SLOTS_MAX + 1 });
    expect(driven.state.members[0]!.status).toMatchObject({ slots: SLOTS_MAX });
  });
});
