import { describe, expect, test } from "vitest";
import { DISMISS_MS } from "./limits.ts";
import { commandsOf, DrivenRound, leases, sent, told, trainSpec } from "./testing/driven-round.ts";
import { waits } from "./waits.ts";

const reason = "drained by ada@host: new disk";

describe("a worker that somebody drains", () => {
  function dismissed() {
    const driven = new DrivenRound();
    driven.join("w1");
    const [first] = leases(driven.start(trainSpec), "w1");
    driven.join("w2");
    const commands = driven.on({ type: "dismiss", workerId: "w1", reason });
    return { driven, first: first!, commands };
  }

  test("is told by whom and why, and gets nothing new; what it has begun counts", () => {
    const { driven, first, commands } = dismissed();
    expect(sent(commands, "drain", "w1")).toEqual([{ type: "drain", reason }]);
    expect(told(commands, "worker-dismissed")).toMatchObject([{ workerId: "w1", reason }]);
    const answered = driven.result("w1", first);
    expect(commandsOf(answered, "accept")).toMatchObject([{ workerId: "w1", index: first.index }]);
    expect(leases(answered, "w1")).toEqual([]);
  });

  test("is not heard by that", () => {
    const { driven } = dismissed();
    driven.nowMs = 500;
    driven.on({ type: "dismiss", workerId: "w2", reason });
    expect(driven.state.members.map(({ heardMs }) => heardMs)).toEqual([0, 0]);
  });

  test("is told once", () => {
    const { driven } = dismissed();
    expect(driven.on({ type: "dismiss", workerId: "w1", reason: "again" })).toEqual([]);
  });

  test("is waited for until a deadline, and dropped then: its blocks go to others", () => {
    const { driven } = dismissed();
    const wait = waits(driven.state, driven.nowMs).find(
      ({ what }) => what === "worker w1 (host:7) to leave",
    )!;
    expect(wait).toMatchObject({ untilMs: DISMISS_MS, ending: "it is dropped" });
    expect(wait.reason).toContain(reason);
    const alive = ["w1", "w2"];
    for (let ms = 0; ms < DISMISS_MS - 1_000; ms += 1_000) driven.pass(1_000, alive);
    expect(driven.state.members).toHaveLength(2);
    const commands = driven.pass(1_000, alive);
    expect(commandsOf(commands, "close")).toMatchObject([
      { workerId: "w1", reason: `told to leave, and still there after ${DISMISS_MS} ms` },
    ]);
    expect(driven.state.members).toMatchObject([{ workerId: "w2" }]);
  });

  test("is told again when it comes back without having heard it, and gets no lease", () => {
    const { driven } = dismissed();
    driven.on({ type: "left", workerId: "w1", reason: "cut" });
    // The same process on a new connection.
    const hello = { name: "w1", host: "host", pid: 7, version: "0.1.0", protocolMin: 1, protocolMax: 1 };
    const commands = driven.on({ type: "hello", workerId: "w3", message: { type: "hello", ...hello } });
    expect(sent(commands, "drain", "w3")).toEqual([{ type: "drain", reason }]);
    expect(leases(driven.ready("w3"), "w3")).toEqual([]);
  });

  test("is forgotten once it has said that it leaves: a process of its name that comes later works", () => {
    const { driven } = dismissed();
    driven.on({ type: "draining", workerId: "w1", reason, leases: [] });
    driven.on({ type: "left", workerId: "w1", reason: "told to leave" });
    expect(driven.state.dismissed).toEqual([]);
    expect(sent(driven.hello("w1"), "drain")).toEqual([]);
  });

  test("keeps its time while the coordinator is away", () => {
    const { driven } = dismissed();
    driven.on({ type: "away", ms: 60_000 });
    expect(driven.state.members[0]!.dismissal).toMatchObject({ untilMs: DISMISS_MS + 60_000 });
  });

  test("is the last one, and the run waits for another", () => {
    const driven = new DrivenRound();
    driven.join("w1");
    driven.start(trainSpec);
    const commands = driven.on({ type: "dismiss", workerId: "w1", reason });
    expect(told(commands, "waiting")).toMatchObject([{ workersMin: 1, ready: [] }]);
  });

  test("and is not there any more changes nothing", () => {
    expect(new DrivenRound().on({ type: "dismiss", workerId: "w9", reason })).toEqual([]);
  });
});
