import { readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { paramsHash, ShoalError } from "@shoal/core/outer";
import { connectWebSocket } from "@shoal/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadCheckpoint } from "./checkpoint.ts";
import type { CoordinatorEvent, Outcome } from "./coordinator-event.ts";
import type { TrainPlan } from "./plan.ts";
import { Run } from "./run.ts";
import { RunDirectory } from "./run-directory.ts";
import { startCoordinator } from "./start-coordinator.ts";
import { fillDiskFor, hasFullDisk } from "./testing/full-disk.ts";
import { layout, statNames } from "./testing/made-up-work.ts";
import { joinByMemory } from "./testing/memory-worker.ts";
import { initialParams, plan, trainAlone } from "./testing/simulated-run.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

type Start = ConstructorParameters<typeof Run>[0]["start"];

const atBeginning: Start = {
  step: 0,
  params: initialParams,
  optimizer: plan.outer.init(layout.size),
  evaluations: [],
};

interface Started {
  readonly run: Run;
  readonly events: readonly CoordinatorEvent[];
}

function runWith(
  options: {
    readonly plan?: TrainPlan;
    readonly start?: Start;
    readonly runDirectory?: RunDirectory;
    readonly fullDiskMs?: number;
    readonly onEvent?: (event: CoordinatorEvent, run: Run) => void;
  } = {},
): Started {
  const events: CoordinatorEvent[] = [];
  const run: Run = new Run({
    experiment: { name: "made-up" },
    runId: "run-1",
    incarnation: 1,
    layout,
    dataHash: null,
    start: options.start ?? atBeginning,
    plan: options.plan ?? plan,
    statNames,
    runDirectory: options.runDirectory ?? null,
    workersMin: 1,
    ...(options.fullDiskMs === undefined ? {} : { fullDiskMs: options.fullDiskMs }),
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event, run);
    },
  });
  return { run, events };
}

/** Runs the plan with `workers` workers in this process. */
async function finish({ run }: Started, workers = 1): Promise<Outcome> {
  const finished = run.start();
  for (let i = 0; i < workers; i++) joinByMemory(run);
  return finished;
}

async function newRunDirectory(): Promise<RunDirectory> {
  const path = join(await temporaryDirectory(onTestFinished), "run");
  const directory = await RunDirectory.open(path, { resume: false, runId: "run-1" });
  onTestFinished(() => directory.close());
  return directory;
}

describe("a run", () => {
  test.each([1, 3])("with %i workers over real frames ends in the bits of a plain loop", async (workers) => {
    const started = runWith();
    const outcome = await finish(started, workers);
    expect(outcome).toMatchObject({ type: "complete", step: plan.steps, paramsHash: trainAlone() });
    expect(outcome.evaluations.map(({ purpose }) => purpose)).toEqual([
      "test-before",
      "validation",
      "validation",
      "test-after",
    ]);
    const steps = started.events.flatMap((event) => (event.type === "step" ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: plan.steps }, (_, i) => i + 1));
  });

  test("says `done` to its workers, and to one that comes too late", async () => {
    const started = runWith();
    const finished = started.run.start();
    const worker = joinByMemory(started.run);
    await finished;
    expect((await worker.closed).code).toBe(1000);
    const late = joinByMemory(started.run);
    await late.closed;
    for (const { heard } of [worker, late])
      expect(heard.at(-1)).toMatchObject({ type: "done", outcome: "complete" });
  });

  test("ends when a block is never finite, and says where", async () => {
    const { run } = runWith();
    const finished = run.start();
    joinByMemory(run, (body) => {
      body[1] = Number.NaN;
    });
    const outcome = await finished;
    expect(outcome).toMatchObject({ type: "failed", code: "E_BLOCK", step: 0 });
    expect(outcome.message).toMatch(/episode 0: loss@1 is NaN/);
  });

  test("refuses a gradient that says it is packed and is not as long as that", async () => {
    const { run } = runWith();
    const finished = run.start();
    joinByMemory(run, undefined, { packedFloats: layout.size + 2 });
    const outcome = await finished;
    expect(outcome).toMatchObject({ type: "failed", code: "E_BLOCK", step: 0 });
    expect(outcome.message).toMatch(/expected \d+ floats, got 0/);
  });

  test("ends as diverged when a step leaves the finite numbers, and keeps the step before", async () => {
    const diverging: TrainPlan = {
      ...plan,
      outer: {
        init: () => ({ step: 0, vectors: {} }),
        update: (gradient, state) => ({
          update: gradient.map(() => (state.step === 2 ? Number.POSITIVE_INFINITY : 0)),
          state: { step: state.step + 1, vectors: {} },
        }),
      },
    };
    const runDirectory = await newRunDirectory();
    const outcome = await finish(runWith({ plan: diverging, runDirectory }));
    expect(outcome).toMatchObject({
      type: "failed",
      code: "E_DIVERGED",
      step: 2,
      paramsHash: paramsHash(initialParams),
    });
    expect((await loadCheckpoint(runDirectory.path)).step).toBe(2);
  });
});

describe("a run that is stopped", () => {
  test.each<[string, (event: CoordinatorEvent) => boolean, number]>([
    ["while a step is told", (event) => event.type === "step" && event.step === 5, 5],
    ["while an evaluation is told", (event) => event.type === "evaluation" && event.evaluation.step === 4, 4],
    ["while a round begins", (event) => event.type === "round-started" && event.spec.version === 2, 2],
  ])("%s goes on from there in the same bits", async (_, isTime, step) => {
    const runDirectory = await newRunDirectory();
    const stopped = await finish(
      runWith({
        runDirectory,
        onEvent: (event, run) => {
          if (isTime(event)) run.stop("interrupted");
        },
      }),
    );
    const checkpoint = await loadCheckpoint(runDirectory.path);
    expect(stopped).toMatchObject({ type: "stopped", step, message: "interrupted" });
    expect(stopped.paramsHash).toBe(paramsHash(checkpoint.params));
    expect(checkpoint).toMatchObject({ step, optimizer: { step }, dataHash: "data" });
    const { metrics } = await runDirectory.recover(() => plan.outer);
    expect(metrics.filter(({ type }) => type === "step")).toHaveLength(step);
    const resumed = await finish(runWith({ start: { ...checkpoint, evaluations: stopped.evaluations } }));
    expect(resumed).toMatchObject({ type: "complete", paramsHash: trainAlone() });
    expect(resumed.evaluations).toHaveLength(4);
  });

  test("before any worker came has nothing new to save", async () => {
    const runDirectory = await newRunDirectory();
    const { run, events } = runWith({ runDirectory });
    const finished = run.start();
    run.stop("interrupted");
    expect(await finished).toMatchObject({ type: "stopped", step: 0 });
    expect(events.map(({ type }) => type)).not.toContain("checkpoint-saved");
    expect((await loadCheckpoint(runDirectory.path).catch((error: unknown) => error)) as Error).toMatchObject(
      {
        code: "E_CHECKPOINT",
      },
    );
  });

  test("twice, or after its end, is stopped once", async () => {
    const { run, events } = runWith();
    const finished = run.start();
    run.stop("first");
    run.fail("E_LATER", "second");
    expect(await finished).toMatchObject({ type: "stopped", message: "first" });
    run.stop("third");
    expect(events.filter(({ type }) => type === "done")).toHaveLength(1);
  });
});

describe.runIf(hasFullDisk)("a run on a full disk", () => {
  /** Makes every write of a file fail until it is removed. */
  const fill = (path: string): Promise<void> => symlink("/dev/full", path);

  test("waits for room, says so, and then goes on to the same bits", async () => {
    const runDirectory = await newRunDirectory();
    const metrics = join(runDirectory.path, "metrics.jsonl");
    await fill(metrics);
    const started = runWith({
      runDirectory,
      onEvent: ({ type }) => {
        if (type === "disk-full") void rm(metrics);
      },
    });
    expect(await finish(started)).toMatchObject({ type: "complete", paramsHash: trainAlone() });
    const told = started.events.filter(({ type }) => type === "disk-full" || type === "disk-has-room");
    expect(told).toMatchObject([
      { type: "disk-full", what: "metrics.jsonl", message: expect.stringContaining("ENOSPC") as string },
      { type: "disk-has-room" },
    ]);
    const lines = (await readFile(metrics, "utf8")).trimEnd().split("\n");
    // One line per step and per evaluation: two tests, validations at steps 4 and 8.
    expect(lines).toHaveLength(plan.steps + 4);
  });

  test("waits for its checkpoints too: what failed is tried again", async () => {
    const runDirectory = await newRunDirectory();
    await fillDiskFor(join(runDirectory.path, "checkpoints", "step-000000003.safetensors"));
    const started = runWith({ runDirectory });
    // What is left of the failed write is removed, and with it the link to the full disk.
    expect(await finish(started)).toMatchObject({ type: "complete", paramsHash: trainAlone() });
    expect(started.events).toContainEqual(
      expect.objectContaining({ type: "disk-full", what: "the checkpoint of step 3" }),
    );
    expect((await loadCheckpoint(runDirectory.path)).step).toBe(plan.steps);
  });

  test("fails when there is no room for too long, and what was saved before stays", async () => {
    const runDirectory = await newRunDirectory();
    await runDirectory.save({ runId: "run-1", ...atBeginning, layout, dataHash: null, experiment: {} });
    await fillDiskFor(join(runDirectory.path, "checkpoints", "step-000000010.safetensors"));
    const rare = { ...plan, checkpointEverySteps: 100 };
    const outcome = await finish(runWith({ runDirectory, plan: rare, fullDiskMs: 0 }));
    expect(outcome).toMatchObject({ type: "failed", code: "E_CHECKPOINT_WRITE", step: 10 });
    expect(outcome.message).toMatch(/cannot save step 10 .*ENOSPC/);
    expect((await loadCheckpoint(runDirectory.path)).step).toBe(0);
    // The log has every step: nothing is computed again.
    const { checkpoint, replayedSteps } = await runDirectory.recover(() => plan.outer);
    expect({ replayedSteps, hash: paramsHash(checkpoint.params) }).toEqual({
      replayedSteps: 10,
      hash: trainAlone(),
    });
  });

  test("ends early when a checkpoint on the way does not fit for too long", async () => {
    const runDirectory = await newRunDirectory();
    await fillDiskFor(join(runDirectory.path, "checkpoints", "step-000000001.safetensors"));
    const { run, events } = runWith({
      runDirectory,
      fullDiskMs: 0,
      plan: { ...plan, steps: 10_000, checkpointEverySteps: 1 },
    });
    expect(await finish({ run, events })).toMatchObject({ type: "failed", code: "E_CHECKPOINT_WRITE" });
    expect(events.filter(({ type }) => type === "checkpoint-failed")).toMatchObject([{ step: 1 }]);
  });

  test("that is stopped while it waits ends at once", async () => {
    const runDirectory = await newRunDirectory();
    await fill(join(runDirectory.path, "metrics.jsonl"));
    const started = runWith({
      runDirectory,
      onEvent: ({ type }, run) => {
        if (type === "disk-full") run.stop("interrupted");
      },
    });
    const outcome = await finish(started);
    expect(outcome).toMatchObject({
      type: "failed",
      code: expect.stringMatching(/^E_(DISK|CHECKPOINT_WRITE)$/),
    });
    expect(outcome.message).toMatch(/ENOSPC.*; make room/);
  });
});

describe("a coordinator", () => {
  const options = (
    port: number,
    changed: Partial<TrainPlan> = {},
  ): Parameters<typeof startCoordinator>[0] => ({
    experiment: {},
    runId: "run-1",
    incarnation: 1,
    layout,
    dataHash: null,
    start: atBeginning,
    plan: { ...plan, ...changed },
    statNames,
    runDirectory: null,
    workersMin: 1,
    onEvent: () => {},
    listen: { host: "127.0.0.1", port },
    scopes: { worker: { type: "open" }, observer: { type: "open" }, admin: { type: "closed" } },
  });

  test("frees its port at the end, and says when another one is in use", async () => {
    const first = await startCoordinator(options(0));
    const port = Number(new URL(first.url).port);
    await expect(startCoordinator(options(port))).rejects.toEqual(
      new ShoalError(
        "E_PORT",
        `port ${port} on 127.0.0.1 is in use; name another one, or 0 for any free one`,
      ),
    );
    first.stop("enough");
    await first.finished;
    const second = await startCoordinator(options(port));
    second.stop("enough");
    expect(await second.finished).toMatchObject({ type: "stopped" });
  });

  test("with a plan that cannot be takes no port", async () => {
    const first = await startCoordinator(options(0));
    const port = Number(new URL(first.url).port);
    first.stop("enough");
    await first.finished;
    await expect(startCoordinator(options(port, { metaBatch: 3 }))).rejects.toMatchObject({
      code: "E_CONFIG",
    });
    const second = await startCoordinator(options(port));
    second.stop("enough");
    await second.finished;
  });

  test("that took over from one that was killed tells a worker that finds it late how the run ended", async () => {
    const successor = await startCoordinator({ ...options(0), incarnation: 2 });
    successor.stop("enough");
    const connection = await connectWebSocket(successor.url, {
      token: null,
      signal: AbortSignal.timeout(10_000),
    });
    const answer = new Promise((resolve) => connection.onMessage(resolve));
    connection.send({
      type: "hello",
      protocolMin: 1,
      protocolMax: 1,
      version: "0.1.0",
      name: "late",
      host: "host",
      pid: 1,
    });
    expect(await answer).toMatchObject({ type: "done", outcome: "stopped", message: "enough" });
    await successor.finished;
  });
});
