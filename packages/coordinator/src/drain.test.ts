import { describe, expect, test } from "vitest";
import { commandsOf, DrivenRound, leases, told, trainSpec } from "./testing/driven-round.ts";

describe("a worker that is told to leave", () => {
  function draining() {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first, second] = leases(driven.start(trainSpec), "w1");
    driven.join("w2");
    const commands = driven.on({
      type: "draining",
      workerId: "w1",
      reason: "told to leave",
      leases: [second!.leaseId],
    });
    return { driven, first: first!, second: second!, commands };
  }

  test("gives back what it has not begun, and others get it at once", () => {
    const { driven, second, commands } = draining();
    expect(told(commands, "worker-draining")).toMatchObject([
      { workerId: "w1", reason: "told to leave", blocksReturned: 1, blocksKept: 1 },
    ]);
    const block = driven.state.rounds[0]!.blocks.find(({ index }) => index === second.index)!;
    expect(block.leases.every(({ workerId }) => workerId === "w2")).toBe(true);
  });

  test("gets nothing new, and what it finishes counts", () => {
    const { driven, first } = draining();
    const commands = driven.result("w1", first);
    expect(commandsOf(commands, "accept")).toMatchObject([{ workerId: "w1", index: first.index }]);
    expect(leases(commands, "w1")).toEqual([]);
  });

  test("counts as one that is not there: the run waits for another when it was the last", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.start(trainSpec);
    const commands = driven.on({ type: "draining", workerId: "w1", reason: "told to leave", leases: [] });
    expect(told(commands, "waiting")).toMatchObject([{ workersMin: 1, ready: [] }]);
  });

  test("before it was ready has nothing to finish, and is gone", () => {
    const driven = new DrivenRound();
    driven.hello("w1");
    driven.on({ type: "draining", workerId: "w1", reason: "told to leave", leases: [] });
    expect(driven.state.members).toEqual([]);
  });
});
