import { expect, test } from "vitest";
import { commandsOf, DrivenRound, leases, sent, trainSpec } from "./testing/driven-round.ts";

// Three faults of a related system (docs/distributed.md, "What others get wrong"), each as a test.

test("the gradient of a worker that has departed is not counted twice, and nobody waits for it", () => {
  const driven = new DrivenRound();
  driven.join("w1");
  driven.join("w2");
  const started = driven.start(trainSpec);
  const mine = leases(started, "w1");
  driven.result("w1", mine[0]!);
  driven.on({ type: "left", workerId: "w1", reason: "gone" });
  // It comes back under another name, and hands in everything again: the block that counts, and the one that
  // was taken back from it.
  driven.join("w3");
  const again = driven.result("w3", mine[0]!);
  expect(commandsOf(again, "accept")).toEqual([]);
  expect(sent(again, "answer")).toMatchObject([{ status: "duplicate" }]);
  const commands = driven.finish();
  const accepted = commandsOf(commands, "accept").map(({ index }) => index);
  expect([mine[0]!.index, ...accepted].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  expect(commandsOf(commands, "complete")).toHaveLength(1);
});

test("a worker with a stale result is told the step that is wanted, and is given work of it", () => {
  const driven = new DrivenRound();
  driven.join("slow");
  const [stale] = leases(driven.start(trainSpec), "slow");
  driven.on({ type: "left", workerId: "slow", reason: "the network broke" });
  driven.join("w2");
  driven.finish();
  driven.start({ ...trainSpec, number: 7, version: 1, firstEpisode: 48 });
  const joined = driven.join("slow-again");
  const commands = driven.result("slow-again", stale!);
  expect(commandsOf(commands, "accept")).toEqual([]);
  expect(sent(commands, "answer")).toMatchObject([{ status: "stale", version: 1 }]);
  // No retry of the old step: parameters and leases of the new one.
  expect(commandsOf(joined, "sendParams")).toMatchObject([{ workerId: "slow-again", version: 1 }]);
  expect(leases(joined, "slow-again").every(({ version }) => version === 1)).toBe(true);
});

test.each(["left", "silent", "draining"] as const)(
  "a worker that is %s in the middle of a round does not hang it",
  (how) => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.join("w2");
    const held = leases(driven.start(trainSpec), "w1").map(({ leaseId }) => leaseId);
    if (how === "left") driven.on({ type: "left", workerId: "w1", reason: "gone" });
    if (how === "draining") {
      driven.on({ type: "draining", workerId: "w1", reason: "told to leave", leases: held });
    }
    // At most the 4 s of silence after which a worker is dropped.
    if (how === "silent") for (let ms = 0; ms < 4_000; ms += 250) driven.pass(250, ["w2"]);
    expect(commandsOf(driven.finish(), "complete")).toHaveLength(1);
    expect(driven.state.rounds).toEqual([]);
  },
);
