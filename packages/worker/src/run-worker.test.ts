import { afterEach, describe, expect, test } from "vitest";
import type { BlockProgram } from "./block-program.ts";
import { Program } from "./program.ts";
import { runWorker } from "./run-worker.ts";
import { programOptions } from "./test-line-experiment.ts";
import { Script } from "./testing/script.ts";
import type { WorkerEvent } from "./worker-event.ts";

describe("runWorker", () => {
  let script = new Script();
  afterEach(async () => {
    script.leave();
    await script.outcome;
  });

  test("says hello, gets ready, computes a lease and ends with the run", async () => {
    script = new Script().start({ name: "ada" });
    const { message: hello } = await script.message("hello");
    expect(hello).toMatchObject({ name: "ada", protocolMin: 1, protocolMax: 1, pid: process.pid });
    script.welcome();
    const { message: ready } = await script.message("ready");
    // 8 hidden units: 1 * 8 + 8 + 8 * 1 + 1 parameters
    expect(ready).toMatchObject({ dataHash: "lines-1", device: "cpu", slots: 1, paramCount: 25 });
    script.params(0, 25);
    script.lease({ leaseId: 7, index: 2 });
    const { message: result, body } = await script.message("result");
    expect(result).toMatchObject({
      leaseId: 7,
      round: 0,
      version: 0,
      level: 1,
      index: 2,
      taskCount: 2,
      statCount: 1,
    });
    expect(body!.length).toBe(2 + 25);
    expect(body!.every(Number.isFinite)).toBe(true);
    script.done();
    expect(await script.outcome).toEqual({ outcome: "complete", message: "all steps are done" });
  });

  test("heartbeats say what it waits for: its graphs, a lease, the parameters of one", async () => {
    let open: (program: BlockProgram) => void = () => {};
    script = new Script().start({
      openProgram: () => new Promise<BlockProgram>((resolve) => (open = resolve)),
      prepares: "workers",
    });
    await script.message("hello");
    script.welcome({ heartbeatMs: 10 });
    await script.heartbeatFor("workers");
    open(await Program.open(programOptions));
    await script.message("ready");
    await script.heartbeatFor("lease");
    script.lease({ leaseId: 1, version: 3 });
    await script.heartbeatFor("parameters");
    script.params(3, 25);
    expect((await script.message("result")).message.leaseId).toBe(1);
  });

  test("a heartbeat says when it has other slots, once", async () => {
    const program = await Program.open(programOptions);
    let slots = 3;
    const { dataHash, description, paramCount, device, openMs, compileMs, memoryBytes } = program;
    const relayed: BlockProgram = {
      dataHash,
      description,
      paramCount,
      device,
      openMs,
      compileMs,
      memoryBytes,
      get slots() {
        return slots;
      },
      buildEpisodes: (request) => program.buildEpisodes(request),
      compute: (job) => program.compute(job),
      close: () => program.close(),
    };
    script = new Script().start({ openProgram: async () => relayed });
    await script.message("hello");
    script.welcome({ heartbeatMs: 10 });
    expect((await script.message("ready")).message.slots).toBe(3);
    const heartbeats = () =>
      script.received.flatMap(({ message }) => (message.type === "heartbeat" ? message : []));
    slots = 5;
    while (!heartbeats().some((heartbeat) => heartbeat.slots === 5))
      await script.message("heartbeat", heartbeats().length + 1);
    await script.message("heartbeat", heartbeats().length + 1);
    expect(heartbeats().filter((heartbeat) => heartbeat.slots !== undefined)).toHaveLength(1);
  });

  test("a worker that is closed waits for no program that is still opening", async () => {
    let isWanted = true;
    script = new Script().start({
      openProgram: (_experiment, _welcome, signal) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            isWanted = false;
            reject(new Error("nobody waits for it"));
          }),
        ),
    });
    await script.message("hello");
    script.welcome();
    script.done();
    expect((await script.outcome!).outcome).toBe("complete");
    expect(isWanted).toBe(false);
  });

  test("a lease waits for its parameters, and a revoked one is not computed", async () => {
    script = new Script().start();
    const paramCount = await script.join();
    script.lease({ leaseId: 1, version: 3 });
    script.lease({ leaseId: 2, version: 3, index: 1 });
    script.connection.send({ type: "revoke", leaseIds: [1] });
    script.params(3, paramCount);
    expect((await script.message("result")).message.leaseId).toBe(2);
    expect(script.received.filter(({ message }) => message.type === "result")).toHaveLength(1);
  });

  test("heartbeats go on while the worker prepares and computes", async () => {
    script = new Script().start();
    await script.message("hello");
    script.welcome({ heartbeatMs: 20 });
    await script.message("heartbeat", 2);
    expect(script.received.some(({ message }) => message.type === "ready")).toBe(false);
    await script.message("ready");
    await script.message("heartbeat", 4);
  });

  test("a cut connection is made again, the program stays, and unanswered results are handed in", async () => {
    script = new Script().start();
    const paramCount = await script.join();
    script.params(0, paramCount);
    script.lease({ leaseId: 1 });
    const { message: first, body } = await script.message("result");
    script.connection.close(1011, "crash");
    await script.connected(2);
    await script.join();
    const { message: again, body: bodyAgain } = await script.message("result", 2);
    expect({ ...again }).toEqual({ ...first });
    expect(bodyAgain).toEqual(body);
    // Answered now: the next connection brings nothing again.
    script.connection.send({ type: "answer", leaseId: 1, status: "accepted", version: 1 });
    script.lease({ leaseId: 2, index: 1 });
    script.params(0, paramCount);
    expect((await script.message("result", 3)).message.leaseId).toBe(2);
    expect(script.events.filter(({ type }) => type === "preparing")).toHaveLength(1);
  });

  test("results of another run are dropped", async () => {
    script = new Script().start();
    const paramCount = await script.join();
    script.params(0, paramCount);
    script.lease();
    await script.message("result");
    script.connection.close(1011, "crash");
    await script.connected(2);
    await script.message("hello", 2);
    script.welcome({ runId: "run-2" });
    await script.message("ready", 2);
    script.params(0, paramCount);
    script.lease({ leaseId: 9, index: 3 });
    expect((await script.message("result", 2)).message.leaseId).toBe(9);
  });

  test("a refusal ends the worker with its code", async () => {
    script = new Script().start();
    await script.message("hello");
    script.connection.send({ type: "refuse", code: "E_PROTOCOL", message: "speaks 1, wanted 2" });
    expect(await script.outcome).toEqual({
      outcome: "failed",
      code: "E_PROTOCOL",
      message: "speaks 1, wanted 2",
    });
  });

  test("data of another hash is refused by the worker itself, with what to do", async () => {
    script = new Script().start();
    await script.message("hello");
    script.welcome({ dataHash: "lines-2" });
    expect((await script.message("leaving")).message.reason).toMatch(/E_DATA_HASH/);
    expect(await script.outcome).toMatchObject({
      outcome: "failed",
      code: "E_DATA_HASH",
      message: /--data/ as never,
    });
  });

  test("missing data ends the worker with the data set's own error", async () => {
    script = new Script().start({ taskSourceOptions: { fail: true } });
    await script.message("hello");
    script.welcome();
    await script.message("leaving");
    expect(await script.outcome).toMatchObject({ outcome: "failed", code: "E_DATASET_MISSING" });
  });

  test("a silent coordinator is left after silenceMs", async () => {
    script = new Script().start();
    await script.message("hello");
    script.welcome({ silenceMs: 200, heartbeatMs: 1_000 });
    await script.connected(2);
    expect(script.events).toContainEqual(
      expect.objectContaining({ type: "lost", reason: expect.stringMatching(/silent for/) }),
    );
  });

  test("nobody there: retries with growing pauses and gives up at the deadline", async () => {
    const events: WorkerEvent[] = [];
    const outcome = await runWorker({
      url: "ws://127.0.0.1:9",
      version: "0.0.0",
      reconnectForMs: 600,
      onEvent: (event) => events.push(event),
      devices: programOptions.devices,
      taskSourceModule: programOptions.taskSourceModule,
      taskSourceOptions: {},
      graphCache: null,
    });
    expect(outcome).toMatchObject({ outcome: "failed", code: "E_CONNECT" });
    expect(outcome.message).toMatch(/no coordinator at ws:\/\/127\.0\.0\.1:9.*gave up after 1 s/);
    expect(events.filter(({ type }) => type === "waiting").length).toBeGreaterThan(1);
  });
});

describe("a coordinator that breaks the protocol", () => {
  const crimes: readonly (readonly [string, RegExp, (script: Script) => void])[] = [
    ["says welcome twice", /welcome was said twice/, (script) => script.welcome()],
    [
      "sends parameters of another model",
      /params of 24 floats, expected 25/,
      (script) => script.params(0, 24),
    ],
    [
      "hands out leases without end",
      /more than 4096 leases/,
      (script) => {
        for (let leaseId = 0; leaseId <= 4096; leaseId++) script.lease({ leaseId });
      },
    ],
  ];

  test.each(crimes)("and %s is left, tried again and given up in time", async (_, reason, commit) => {
    const script = new Script().start({ reconnectForMs: 400 });
    const commitOnEvery = async (): Promise<void> => {
      for (let count = 1; ; count++) {
        await script.connected(count);
        await script.message("hello", count);
        script.welcome();
        await script.message("ready", count);
        commit(script);
      }
    };
    void commitOnEvery();
    // Every connection was welcomed, and none was of use: the time to look for a better one ran on.
    expect(await script.outcome).toMatchObject({
      outcome: "failed",
      code: "E_CONNECT",
      message: expect.stringMatching(reason) as string,
    });
  });

  test("before it has heard ready is left too", async () => {
    const script = new Script().start({ reconnectForMs: 200 });
    const leaseOnEvery = async (): Promise<void> => {
      for (let count = 1; ; count++) {
        await script.message("hello", count);
        script.lease();
      }
    };
    void leaseOnEvery();
    expect(await script.outcome).toMatchObject({
      code: "E_CONNECT",
      message: expect.stringContaining("a lease before ready") as string,
    });
  });
});
