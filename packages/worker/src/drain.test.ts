import { type Clock, systemClock } from "@shoal/protocol";
import { afterEach, describe, expect, test } from "vitest";
import { Script } from "./testing/script.ts";

/** The clock of this process, whose appointments a test can bring forward. */
class HurriedClock implements Clock {
  readonly #due = new Set<() => void>();

  nowMs(): number {
    return performance.now();
  }

  after(_delayMs: number, run: () => void): () => void {
    this.#due.add(run);
    return () => this.#due.delete(run);
  }

  every(intervalMs: number, run: () => void): () => void {
    return systemClock.every(intervalMs, run);
  }

  /** Everything that waits for its time is due now. */
  hurry(): void {
    for (const run of this.#due) run();
  }
}

describe("a running worker", () => {
  let script = new Script();
  afterEach(async () => {
    script.leave();
    await script.outcome;
  });

  test("that is told to leave gives back what it has not begun, says so, and goes", async () => {
    script = new Script().start();
    await script.join();
    // The parameters of version 5 never come: this one cannot begin.
    script.lease({ leaseId: 3, version: 5 });
    await script.heartbeatWith(3);
    script.leave();
    const { message: draining } = await script.message("draining");
    expect(draining).toEqual({ type: "draining", reason: "told to leave", leases: [3] });
    expect((await script.message("failed")).message).toMatchObject({ leaseId: 3, code: "E_REVOKED" });
    expect((await script.message("leaving")).message.reason).toMatch(/all that it had begun is done/);
    expect((await script.outcome!).outcome).toBe("left");
  });

  test("that is told to leave stays until its results are answered", async () => {
    script = new Script().start();
    const paramCount = await script.join();
    script.params(0, paramCount);
    script.lease({ leaseId: 1 });
    await script.message("result");
    script.leave();
    expect((await script.message("draining")).message.leases).toEqual([]);
    // A lease that was on its way comes back at once.
    script.lease({ leaseId: 4, version: 5 });
    expect((await script.message("draining", 2)).message.leases).toEqual([4]);
    expect(script.received.some(({ message }) => message.type === "leaving")).toBe(false);
    script.connection.send({ type: "answer", leaseId: 1, status: "accepted", version: 0 });
    await script.message("leaving");
    expect((await script.outcome!).outcome).toBe("left");
  });

  test("that is told to leave while its results go unanswered goes when its time is up", async () => {
    const clock = new HurriedClock();
    script = new Script().start({ clock });
    const paramCount = await script.join();
    script.params(0, paramCount);
    script.lease({ leaseId: 1 });
    await script.message("result");
    script.leave();
    await script.message("draining");
    clock.hurry();
    expect((await script.message("leaving")).message.reason).toMatch(/goes back/);
    expect((await script.outcome!).outcome).toBe("left");
  });

  test("that its coordinator tells to leave does so in the same way, and ends", async () => {
    script = new Script().start();
    await script.join();
    script.lease({ leaseId: 3, version: 5 });
    await script.heartbeatWith(3);
    script.connection.send({ type: "drain", reason: "drained by ada" });
    expect((await script.message("draining")).message).toMatchObject({
      reason: "drained by ada",
      leases: [3],
    });
    await script.message("leaving");
    expect((await script.outcome!).outcome).toBe("left");
    expect(script.events).toContainEqual({ type: "dismissed", reason: "drained by ada" });
  });

  test("that is told to leave while it prepares says that it heard, and goes", async () => {
    let fail: (error: Error) => void = () => {};
    const openProgram = () => new Promise<never>((_, reject) => (fail = reject));
    script = new Script().start({ openProgram });
    await script.message("hello");
    script.welcome();
    script.connection.send({ type: "drain", reason: "drained by ada" });
    expect((await script.message("draining")).message.leases).toEqual([]);
    await script.message("leaving");
    fail(new Error("nobody wants the program any more"));
    expect((await script.outcome!).outcome).toBe("left");
  });

  test("that leaves when its connection breaks looks for no other", async () => {
    script = new Script().start();
    const paramCount = await script.join();
    script.params(0, paramCount);
    script.lease({ leaseId: 1 });
    await script.message("result");
    script.connection.send({ type: "drain", reason: "drained by ada" });
    await script.message("draining");
    script.connection.close(1001, "gone");
    expect((await script.outcome!).outcome).toBe("left");
    expect(script.connections).toHaveLength(1);
  });

  test("fails a block that is revoked while it waits as revoked, and says nothing of a failure", async () => {
    script = new Script().start();
    await script.join();
    script.lease({ leaseId: 8, version: 5 });
    script.connection.send({ type: "revoke", leaseIds: [8, 99] });
    expect((await script.message("failed")).message).toMatchObject({ leaseId: 8, code: "E_REVOKED" });
    expect(script.received.filter(({ message }) => message.type === "failed")).toHaveLength(1);
    expect(script.events.some(({ type }) => type === "block-failed")).toBe(false);
  });
});
