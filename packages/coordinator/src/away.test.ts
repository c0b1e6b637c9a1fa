import { describe, expect, test } from "vitest";
import { awayEvent } from "./away.ts";
import { commandsOf, DrivenRound, leases, told, trainSpec } from "./testing/driven-round.ts";

test("a coordinator is away when far more than a tick passes without it", () => {
  expect(awayEvent(1_000, 1_250)).toBeNull();
  expect(awayEvent(1_000, 2_200)).toBeNull();
  // One tick of the 60 s would have passed anyway.
  expect(awayEvent(1_000, 61_000)).toEqual({ type: "away", ms: 59_750 });
});

describe("after a coordinator was away for an hour", () => {
  const ms = 3_600_000;

  test("nobody was silent, no lease ran out, and it says so", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.hello("w2");
    const [lease] = leases(driven.start(trainSpec));
    driven.nowMs += ms;
    expect(told(driven.on({ type: "away", ms }), "was-away")).toEqual([{ type: "was-away", ms }]);
    const commands = driven.pass(0);
    expect(commandsOf(commands, "close")).toEqual([]);
    expect(told(commands, "lease-late")).toEqual([]);
    // From here on the time that is left counts.
    const later = driven.pass(lease!.leaseMs, ["w1", "w2"]);
    expect(told(later, "lease-late").length).toBeGreaterThan(0);
  });

  test("the wait for workers has the time left that it had", () => {
    const driven = new DrivenRound();
    driven.start(trainSpec);
    driven.nowMs += ms;
    driven.on({ type: "away", ms });
    const { workerWaitMs } = driven.state.settings;
    expect(commandsOf(driven.pass(workerWaitMs - 1), "fail")).toEqual([]);
    expect(commandsOf(driven.pass(1), "fail")).toMatchObject([{ code: "E_WORKERS" }]);
  });
});
