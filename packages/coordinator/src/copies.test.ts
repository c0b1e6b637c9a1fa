import type { Lease } from "@shoal/protocol";
import { describe, expect, test } from "vitest";
import type { Command } from "./round-state.ts";
import { commandsOf, DrivenRound, leases, sent, told, trainSpec } from "./testing/driven-round.ts";

/**
 * Workers of 1,000 ms per leaf and no lag, each with one of as many leaves: the round is one second old, and
 * those in `late` have not answered.
 */
function oneLeafEach(
  workers: readonly string[],
  late: readonly string[],
  settings: ConstructorParameters<typeof DrivenRound>[0] = {},
): { driven: DrivenRound; leaseOf: (workerId: string) => Lease } {
  const driven = new DrivenRound(settings);
  for (const workerId of workers) driven.join(workerId);
  const spec = { ...trainSpec, taskCount: 2 * workers.length };
  const answer = (started: readonly Command[], who: readonly string[]): void => {
    driven.nowMs += 1_000;
    for (const workerId of who) driven.result(workerId, leases(started, workerId)[0]!, { computeMs: 1_000 });
  };
  answer(driven.start(spec), workers);
  expect(driven.state.members.map(({ leafMs, lagMs }) => [leafMs.train, lagMs])).toEqual(
    workers.map(() => [1_000, 0]),
  );
  const started = driven.start({ ...spec, number: 7, version: 1 });
  answer(
    started,
    workers.filter((workerId) => !late.includes(workerId)),
  );
  return { driven, leaseOf: (workerId) => leases(started, workerId)[0]! };
}

/** Lets time pass, in steps in which nobody is silent; returns what the last of them caused. */
function wait(driven: DrivenRound, ms: number, workers: readonly string[]): readonly Command[] {
  let commands: readonly Command[] = [];
  for (let passed = 0; passed < ms; passed += 100) commands = driven.pass(100, workers);
  return commands;
}

describe("a block that is late", () => {
  const workers = ["w1", "w2"];

  test("is computed a second time once it has taken 1.5 times as long, by a worker with nothing to do", () => {
    const { driven, leaseOf } = oneLeafEach(workers, ["w1"]);
    expect(leases(wait(driven, 500, workers))).toEqual([]);
    // After 1.6 s as much again is expected; the copy takes 1 s.
    const [copy] = leases(wait(driven, 100, workers), "w2");
    const { level, index, leaseId } = leaseOf("w1");
    expect(copy).toMatchObject({ level, index });
    expect(copy!.leaseId).not.toBe(leaseId);
    const commands = driven.result("w2", copy!, { computeMs: 1_000 });
    expect(commandsOf(commands, "accept")).toMatchObject([{ workerId: "w2", index, keep: true }]);
    expect(sent(commands, "revoke", "w1")).toEqual([{ type: "revoke", leaseIds: [leaseId] }]);
    expect(commandsOf(commands, "complete")).toHaveLength(1);
  });

  test("keeps a slot of its first worker busy until that says that it stopped", () => {
    const { driven, leaseOf } = oneLeafEach(workers, ["w1"]);
    driven.result("w2", leases(wait(driven, 600, workers), "w2")[0]!);
    const { leaseId } = leaseOf("w1");
    expect(driven.state.members[0]!.late).toMatchObject([{ leaseId, why: "revoked", hasBegun: true }]);
    const message = { type: "failed", leaseId, code: "E_REVOKED", message: "stopped" } as const;
    driven.on({ type: "failed", workerId: "w1", message });
    expect(driven.state.members[0]).toMatchObject({ late: [], failuresInRow: 0 });
  });

  test("has its copies compared, and both workers named, when both answer", () => {
    // Two are late, so that the round stays open after the first.
    const { driven, leaseOf } = oneLeafEach(["w1", "w2", "w3"], ["w1", "w3"]);
    const [copy] = leases(wait(driven, 600, ["w1", "w2", "w3"]), "w2");
    const first = ["w1", "w3"].find((workerId) => leaseOf(workerId).index === copy!.index)!;
    const accepted = driven.result(first, leaseOf(first), { computeMs: 1_700 });
    expect(commandsOf(accepted, "accept")).toMatchObject([{ workerId: first, keep: true }]);
    expect(commandsOf(driven.result("w2", copy!), "compare")).toMatchObject([
      { index: copy!.index, workers: [`${first} (host:7)`, "w2 (host:7)"] },
    ]);
  });

  test("has two copies and no third, each on another worker", () => {
    const { driven } = oneLeafEach(["w1", "w2", "w3"], ["w1"]);
    wait(driven, 2_000, ["w1", "w2", "w3"]);
    const holders = driven.state.rounds[0]!.blocks.flatMap(({ leases }) => leases);
    expect(holders).toHaveLength(2);
    expect(new Set(holders.map(({ workerId }) => workerId)).size).toBe(2);
  });

  test("is left to its worker where copies are switched off", () => {
    const { driven } = oneLeafEach(workers, ["w1"], { hedge: false });
    expect(leases(wait(driven, 2_000, workers))).toEqual([]);
  });

  test("is left to its worker while nobody's speed is known", () => {
    const driven = new DrivenRound();
    for (const workerId of workers) driven.join(workerId);
    driven.start({ ...trainSpec, taskCount: 2 });
    expect(leases(wait(driven, 2_000, workers))).toEqual([]);
  });

  test("of many is one whose copy the round can afford: a quarter of its leaves, or one block", () => {
    const many = Array.from({ length: 16 }, (_, i) => `w${i}`);
    const { driven } = oneLeafEach(many, many.slice(0, 8));
    wait(driven, 600, many);
    const copies = driven.state.rounds[0]!.blocks.filter(({ leases }) => leases.length === 2);
    // 16 leaves: four copies, although eight are late and eight workers idle.
    expect(copies).toHaveLength(4);
  });
});

describe("an audited block", () => {
  function audited() {
    const driven = new DrivenRound({ audit: 1 });
    driven.join("w1");
    driven.join("w2");
    const started = driven.start({ ...trainSpec, taskCount: 2 });
    return { driven, mine: leases(started, "w1")[0]!, copy: leases(started, "w2")[0]! };
  }

  test("is leased to two workers, and the round is complete when both have answered", () => {
    const { driven, mine, copy } = audited();
    expect(copy).toMatchObject({ level: mine.level, index: mine.index });
    const first = driven.result("w1", mine);
    expect(commandsOf(first, "accept")).toMatchObject([{ keep: true }]);
    expect([...sent(first, "revoke"), ...commandsOf(first, "complete")]).toEqual([]);
    const second = driven.result("w2", copy);
    expect(commandsOf(second, "compare")).toMatchObject([{ workers: ["w1 (host:7)", "w2 (host:7)"] }]);
    expect(commandsOf(second, "complete")).toHaveLength(1);
  });

  test("is not waited for when the other worker fails, or leaves and nobody else is there", () => {
    const failing = audited();
    failing.driven.result("w1", failing.mine);
    expect(commandsOf(failing.driven.failed("w2", failing.copy), "complete")).toHaveLength(1);
    const leaving = audited();
    leaving.driven.result("w1", leaving.mine);
    const left = leaving.driven.on({ type: "left", workerId: "w2", reason: "gone" });
    expect(commandsOf(left, "complete")).toHaveLength(1);
  });

  test("is one of few: about the share that was asked for, the same ones every time", () => {
    const granted = (): number => {
      const driven = new DrivenRound({ audit: 0.1 });
      driven.join("w1", 100);
      driven.join("w2", 100);
      return leases(driven.start({ ...trainSpec, taskCount: 400 })).length - 200;
    };
    // 200 blocks, of which 20 +- 4.2: within four standard deviations.
    expect(Math.abs(granted() - 20)).toBeLessThan(17);
    expect(granted()).toBe(granted());
  });
});

test("of different devices, copies are not compared: their bits may differ", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  driven.hello("gpu");
  driven.on({
    type: "ready",
    workerId: "gpu",
    message: { type: "ready", device: "cuda", dataHash: driven.state.dataHash!, slots: 1, paramCount: 3 },
  });
  const [mine] = leases(driven.start(trainSpec), "w1");
  driven.result("w1", mine!);
  const commands = driven.result("gpu", mine!);
  expect(commandsOf(commands, "compare")).toEqual([]);
  expect(told(commands, "result-unused")).toMatchObject([{ status: "duplicate" }]);
});
