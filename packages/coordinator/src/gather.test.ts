import { describe, expect, test } from "vitest";
import { commandsOf, DrivenRound, leases, told, trainSpec } from "./testing/driven-round.ts";

describe("the wait for workers", () => {
  test("ends with the minimum: before, nothing is leased", () => {
    const driven = new DrivenRound({ workersMin: 3 });
    expect(told(driven.start(trainSpec), "waiting")).toMatchObject([{ workersMin: 3, ready: [] }]);
    expect(leases(driven.join("w1"))).toEqual([]);
    expect(leases(driven.join("w2"))).toEqual([]);
    driven.pass(500, ["w1", "w2"]);
    const commands = driven.join("w3");
    expect(told(commands, "waiting-over")).toEqual([
      { type: "waiting-over", workersReady: 3, waitedMs: 500 },
    ]);
    expect(leases(commands)).toHaveLength(4);
  });

  test("is announced again when the list of workers changes, and only then", () => {
    const driven = new DrivenRound({ workersMin: 2 });
    driven.start(trainSpec);
    expect(told(driven.pass(250), "waiting")).toEqual([]);
    expect(told(driven.hello("w1"), "waiting")).toMatchObject([
      { ready: [], preparing: ["w1 (host:7)"], remainingMs: 59_750 },
    ]);
    expect(told(driven.ready("w1"), "waiting")).toMatchObject([{ ready: ["w1 (host:7)"], preparing: [] }]);
    expect(told(driven.pass(250, ["w1"]), "waiting")).toEqual([]);
  });

  test("ends the run at its deadline, with who is missing and what to do", () => {
    const driven = new DrivenRound({ workersMin: 2 });
    driven.start(trainSpec);
    expect(commandsOf(driven.pass(59_999), "fail")).toEqual([]);
    driven.join("w1");
    driven.hello("w2");
    const [fail] = commandsOf(driven.pass(1, ["w1", "w2"]), "fail");
    expect(fail!.code).toBe("E_WORKERS");
    expect(fail!.message).toContain("expected 2 ready within 60000 ms, got 1");
    expect(fail!.message).toContain("still preparing: w2 (host:7)");
  });

  test("begins anew, with its full time, when the last worker is lost", () => {
    const driven = new DrivenRound({ workersMin: 2 });
    driven.join("w1");
    driven.join("w2");
    driven.start(trainSpec);
    driven.pass(50_000, ["w1", "w2"]);
    // Once there were enough, one is enough to go on.
    expect(told(driven.on({ type: "left", workerId: "w1", reason: "gone" }), "waiting")).toEqual([]);
    const alone = driven.on({ type: "left", workerId: "w2", reason: "gone" });
    expect(told(alone, "waiting")).toMatchObject([{ workersMin: 1, remainingMs: 60_000 }]);
    expect(commandsOf(driven.pass(59_999), "fail")).toEqual([]);
    expect(leases(driven.join("w3"))).toHaveLength(2);
    expect(commandsOf(driven.pass(60_000, ["w3"]), "fail")).toEqual([]);
  });

  test("does not run between rounds", () => {
    const driven = new DrivenRound();
    expect(driven.pass(1e9)).toEqual([]);
  });
});
