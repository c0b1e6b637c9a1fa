import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { doneOf, parseLines, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const STEPS = 40;
const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
const run = (name: string): string[] => ["--run-dir", join(directory, name)];
const train = (name: string, ...more: string[]): ShoalProcess =>
  new ShoalProcess(["train", ...smallRun(STEPS), ...run(name), ...more], env);

/** Steps and evaluations, without what depends on the clock. */
function metricsOf(name: string): object[] {
  const lines = parseLines(readFileSync(join(directory, name, "metrics.jsonl"), "utf8"));
  return lines.map((line) => ({ ...line, stepMs: undefined }));
}

/** Ids of the worker processes that are ready. */
function workerPids(process: ShoalProcess): number[] {
  return process.lines
    .filter(({ event }) => event === "worker-ready")
    .map(({ worker }) => Number(/:(\d+)\)$/.exec(String(worker))![1]));
}

let quiet: { paramsHash: unknown; test: unknown };
beforeAll(async () => {
  const { paramsHash, test } = doneOf(await train("quiet", "--workers", "1", "--threads", "1").ended);
  quiet = { paramsHash, test };
});

describe("a run ends in the same bits", () => {
  test.each([
    { workers: "2", threads: "1" },
    { workers: "3", threads: "1" },
    { workers: "1", threads: "2" },
  ])("with $workers workers of $threads threads", async ({ workers, threads }) => {
    const name = `workers-${workers}-${threads}`;
    expect(doneOf(await train(name, "--workers", workers, "--threads", threads).ended)).toMatchObject(quiet);
    expect(metricsOf(name)).toEqual(metricsOf("quiet"));
  });

  test("with a hash of its parameters", () => {
    expect(quiet.paramsHash).toMatch(/^[0-9a-f]{64}$/);
  });

  test("with a coordinator and two workers that come over the network", async () => {
    const coordinator = new ShoalProcess(
      ["coordinator", ...smallRun(STEPS), ...run("network"), "--port", "0", "--min-workers", "2"],
      env,
    );
    const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
    const workers = ["one", "two"].map(
      (name) => new ShoalProcess(["worker", "--url", String(url), "--name", name, "--threads", "1"], env),
    );
    expect(doneOf(await coordinator.ended)).toMatchObject(quiet);
    for (const worker of workers) expect((await worker.ended).exit).toBe(0);
    expect(metricsOf("network")).toEqual(metricsOf("quiet"));
  });

  test("when a worker is killed in the middle of a step, and another joins late", async () => {
    const coordinator = new ShoalProcess(
      ["coordinator", ...smallRun(STEPS), ...run("killed"), "--port", "0", "--min-workers", "1"],
      env,
    );
    const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
    const worker = () => new ShoalProcess(["worker", "--url", String(url), "--threads", "1"], env);
    const first = worker();
    await coordinator.line(({ event, step }) => event === "step" && Number(step) >= 5, "step 5");
    // The first worker is alone, so it holds leases of the step that is under way.
    first.kill("SIGKILL");
    await coordinator.line(({ event }) => event === "worker-left", "the end of the first worker");
    const second = worker();
    expect(doneOf(await coordinator.ended)).toMatchObject(quiet);
    expect((await second.ended).exit).toBe(0);
    expect(metricsOf("killed")).toEqual(metricsOf("quiet"));
  });

  test("when a local worker is killed: the others go on, and it is started again", async () => {
    const process = train("local-killed", "--workers", "2", "--threads", "1");
    await process.line(({ event, step }) => event === "step" && Number(step) >= 3, "step 3");
    globalThis.process.kill(workerPids(process)[0]!, "SIGKILL");
    const ended = await process.ended;
    expect(doneOf(ended)).toMatchObject(quiet);
    expect(parseLines(ended.stdout)).toContainEqual(
      expect.objectContaining({ event: "local-worker-ended", how: "SIGKILL", restartMs: 500 }),
    );
    expect(metricsOf("local-killed")).toEqual(metricsOf("quiet"));
  });

  test("when it is interrupted and resumed", async () => {
    const process = train("interrupted", "--workers", "2");
    await process.line(({ event, step }) => event === "step" && Number(step) >= 13, "step 13");
    process.kill("SIGINT");
    const { exit, stderr, stdout } = await process.ended;
    expect(exit).toBe(130);
    expect(stderr).toMatch(/saved step \d+ of 40; go on with: npx shoal train --run-dir \S+ --resume.*\n$/);
    const { step } = parseLines(stdout).at(-1)!;
    expect(Number(step)).toBeGreaterThanOrEqual(13);
    const resumed = await shoal(["train", ...run("interrupted"), "--resume", "--json"], env);
    expect(doneOf(resumed)).toMatchObject(quiet);
    expect(resumed.stderr).toContain(`from step ${String(step)}`);
    expect(metricsOf("interrupted")).toEqual(metricsOf("quiet"));
  });

  test("when the coordinator is killed and resumed at the step it was in", async () => {
    const process = train("crashed", "--workers", "1", "--threads", "1");
    await process.line(({ event, step }) => event === "step" && Number(step) >= 25, "step 25");
    const pids = workerPids(process);
    process.kill("SIGKILL");
    await process.ended;
    for (const pid of pids) await goneOf(pid);
    const resumed = await shoal(["train", ...run("crashed"), "--resume", "--json", "--workers", "2"], env);
    expect(doneOf(resumed)).toMatchObject(quiet);
    // 25 steps were told; that of the last one may have been on its way to the log.
    expect(resumed.stderr).toMatch(/from step 2[4-9] \(checkpoint of step 20, [4-9] from the log\)/);
    expect(metricsOf("crashed")).toEqual(metricsOf("quiet"));
  });
});

test("evaluate gives the number of the run's own test again", async () => {
  const evaluated = await shoal(["evaluate", join(directory, "quiet"), "--json"], env);
  expect(doneOf(evaluated)).toMatchObject(quiet);
});

test("metrics.jsonl has every step once, with all of its tasks", () => {
  const steps = metricsOf("quiet").filter((metric) => "type" in metric && metric.type === "step");
  expect(steps).toHaveLength(STEPS);
  for (const [i, step] of steps.entries()) expect(step).toMatchObject({ step: i + 1, tasks: 12 });
});

/** Waits until a process that is not our child is gone. */
async function goneOf(pid: number): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    try {
      globalThis.process.kill(pid, 0);
    } catch {
      return;
    }
    if (performance.now() > deadline) throw new Error(`worker ${pid} outlived its coordinator by 20 s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
