import { describe, expect, test } from "vitest";
import { commandsOf, DrivenRound, leases, sent, told, trainSpec } from "./testing/driven-round.ts";

describe("a run that is paused", () => {
  test("gives no lease away, and counts those that are out", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec));
    const paused = driven.on({ type: "pause", reason: "power cut at noon", owner: "ada" });
    expect(told(paused, "paused")).toEqual([{ type: "paused", reason: "power cut at noon", owner: "ada" }]);
    const commands = driven.result("w1", first!);
    expect(commandsOf(commands, "accept")).toHaveLength(1);
    expect(leases(commands)).toEqual([]);
    expect(leases(driven.join("w2"))).toEqual([]);
  });

  test("goes on with its heartbeats and with every block that waits", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.on({ type: "pause", reason: "later", owner: "ada" });
    expect(leases(driven.start(trainSpec))).toEqual([]);
    expect(sent(driven.pass(1_000, ["w1"]), "heartbeat")).toHaveLength(1);
    const resumed = driven.on({ type: "resume" });
    expect(told(resumed, "resumed")).toEqual([{ type: "resumed", pausedMs: 1_000 }]);
    expect(leases(resumed)).not.toEqual([]);
  });

  test("does not end for want of workers, and gives them their full time afterwards", () => {
    const driven = new DrivenRound();
    driven.start(trainSpec);
    driven.pass(59_000);
    driven.on({ type: "pause", reason: "later", owner: "ada" });
    expect(commandsOf(driven.pass(1e9), "fail")).toEqual([]);
    expect(told(driven.on({ type: "resume" }), "waiting")).toMatchObject([{ remainingMs: 60_000 }]);
    expect(commandsOf(driven.pass(59_999), "fail")).toEqual([]);
    expect(commandsOf(driven.pass(1), "fail")).toMatchObject([{ code: "E_WORKERS" }]);
  });

  test("stays with the first who paused it; resuming a run that goes on does nothing", () => {
    const driven = new DrivenRound();
    expect(driven.on({ type: "resume" })).toEqual([]);
    driven.on({ type: "pause", reason: "first", owner: "ada" });
    expect(driven.on({ type: "pause", reason: "second", owner: "bob" })).toEqual([]);
    expect(driven.state.paused).toEqual({ reason: "first", owner: "ada", sinceMs: 0 });
  });
});
