import { describe, expect, test } from "vitest";
import { DrivenRound, leases, trainSpec } from "./testing/driven-round.ts";
import { waits } from "./waits.ts";

const waitsOf = ({ state, nowMs }: DrivenRound) => waits(state, nowMs);

describe("the waits of a round", () => {
  test("are none between rounds", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    expect(waitsOf(driven)).toEqual([]);
  });

  test("name the workers that are missing, who prepares, and both deadlines", () => {
    const driven = new DrivenRound({ workersMin: 2 });
    driven.start(trainSpec);
    driven.nowMs = 1_000;
    driven.hello("w1");
    expect(waitsOf(driven)).toEqual([
      {
        waiter: "the run",
        what: "worker w1 (host:7) to be ready",
        reason: "it opens its data and compiles",
        owner: "w1 (host:7)",
        sinceMs: 1_000,
        expectedMs: null,
        untilMs: 31_000,
        ending: "it is dropped",
      },
      {
        waiter: "the run",
        what: "2 workers",
        reason: "0 ready, 1 preparing",
        owner: "who starts workers",
        sinceMs: 0,
        expectedMs: null,
        untilMs: 60_000,
        ending: "the run ends",
      },
    ]);
  });

  test("name each lease, its holder and its deadline; late ones until their worker is dropped", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first, second] = leases(driven.start(trainSpec));
    expect(waitsOf(driven)).toMatchObject([
      { what: `lease ${first!.leaseId}: train episodes 40-41`, owner: "w1 (host:7)", untilMs: 10_000 },
      { what: `lease ${second!.leaseId}: train episodes 42-43`, sinceMs: 0 },
    ]);
    for (let ms = 0; ms < 10_000; ms += 1_000) driven.pass(1_000, ["w1"]);
    expect(waitsOf(driven)).toMatchObject([
      { what: `lease ${first!.leaseId}: train episodes 40-41`, sinceMs: 10_000, untilMs: 40_000 },
      { what: `lease ${second!.leaseId}: train episodes 42-43` },
    ]);
    expect(waitsOf(driven)[0]!.reason).toContain("it ran out");
  });

  test("say what a worker does, by its last heartbeat", () => {
    const driven = new DrivenRound();
    driven.hello("w1");
    const reasons = () =>
      waitsOf(driven).flatMap(({ owner, reason }) => (owner.startsWith("w1") ? reason : []));
    driven.on({ type: "heartbeat", workerId: "w1", leases: [], wait: { for: "graphs", ms: 3_000 } });
    expect(reasons()).toEqual(["it compiles its graphs"]);
    driven.ready("w1");
    const [lease, ahead] = leases(driven.start(trainSpec));
    expect(reasons()).toEqual(["its worker computes it", "its worker has it ahead"]);
    const held = [lease!.leaseId, ahead!.leaseId];
    driven.on({ type: "heartbeat", workerId: "w1", leases: held, wait: { for: "parameters", ms: 100 } });
    expect(reasons()).toEqual(Array(2).fill("its worker waits for the parameters"));
    // The result says more than the heartbeat before it.
    driven.result("w1", lease!);
    expect(reasons()).toEqual(expect.arrayContaining(["its worker computes it"]));
    expect(reasons()).not.toContain("its worker waits for the parameters");
  });

  test("have no end only while somebody holds the run", () => {
    const driven = new DrivenRound();
    driven.on({ type: "pause", reason: "power cut at noon", owner: "ada" });
    driven.start(trainSpec);
    expect(waitsOf(driven)).toEqual([
      {
        waiter: "the run",
        what: "a resume",
        reason: "paused: power cut at noon",
        owner: "ada",
        sinceMs: 0,
        expectedMs: null,
        untilMs: null,
        ending: "until it is resumed",
      },
    ]);
  });
});
