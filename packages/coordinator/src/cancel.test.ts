import { describe, expect, test } from "vitest";
import { commandsOf, DrivenRound, leases, sent, trainSpec } from "./testing/driven-round.ts";

/** Another round with the same parameters. */
const other = { ...trainSpec, number: 3, firstEpisode: 80 };

describe("a round that is cancelled", () => {
  test("takes its leases back, and its workers go on with another", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    // Of one slot: a block to compute and one ahead.
    const held = leases(driven.start(trainSpec));
    expect(held).toHaveLength(2);
    driven.start(other);
    const cancelled = driven.on({ type: "cancel", round: trainSpec.number });
    expect(sent(cancelled, "revoke").flatMap(({ leaseIds }) => leaseIds)).toEqual(
      held.map(({ leaseId }) => leaseId),
    );
    const next = held.flatMap((lease) => leases(driven.failed("w1", lease)));
    expect(next.map(({ round }) => round)).toEqual([other.number, other.number]);
    // Stopping was what it was told to do.
    expect(driven.state.members[0]!.failuresInRow).toBe(0);
  });

  test("counts no result that was on its way", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    const [lease] = leases(driven.start(trainSpec));
    driven.on({ type: "cancel", round: trainSpec.number });
    const commands = driven.result("w1", lease!);
    expect(commandsOf(commands, "accept")).toEqual([]);
    expect(sent(commands, "answer")).toMatchObject([{ status: "stale" }]);
  });

  test("that is not there changes nothing", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.start(trainSpec);
    const before = driven.state;
    driven.on({ type: "cancel", round: 99 });
    expect(driven.state).toEqual(before);
  });
});

describe("rounds whose order does not count", () => {
  test.each([
    { inOrder: true, ended: [] },
    { inOrder: false, ended: [other.number] },
  ])("end when their blocks are in (in order: $inOrder)", ({ inOrder, ended }) => {
    const driven = new DrivenRound({ inOrder, hedge: false, leavesUnmeasured: 4 });
    driven.join("w1");
    driven.join("w2");
    // One block each: w1 has the first round, w2 the second.
    driven.start({ ...trainSpec, taskCount: 2 });
    const [second] = leases(driven.start({ ...other, taskCount: 2 }), "w2");
    expect(second).toMatchObject({ round: other.number });
    const done = commandsOf(driven.result("w2", second!), "complete");
    expect(done.map(({ spec }) => spec.number)).toEqual(ended);
  });
});
