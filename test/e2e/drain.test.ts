import { join } from "node:path";
import { expect, test } from "vitest";
import { doneOf, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const STEPS = 40;
const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
const runDir = (name: string): string[] => ["--run-dir", join(directory, name)];

test("a worker that gets SIGTERM hands its work back and ends with the code that it was given, 0 if none", async () => {
  const quiet = doneOf(
    await new ShoalProcess(["train", ...smallRun(STEPS), ...runDir("quiet"), "--workers", "1"], env).ended,
  );
  const coordinator = new ShoalProcess(
    // Every tenth block is computed twice, and has to have the same bits.
    [
      "coordinator",
      ...smallRun(STEPS),
      ...runDir("drained"),
      "--port",
      "0",
      "--min-workers",
      "2",
      "--audit",
      "0.1",
    ],
    env,
  );
  const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
  const worker = (...more: string[]): ShoalProcess =>
    new ShoalProcess(["worker", "--url", String(url), "--threads", "1", ...more], env);
  const [leaver, other] = [worker("--drain-exit-code", "75"), worker()];
  await coordinator.line(({ event, step }) => event === "step" && Number(step) >= 3, "step 3");
  leaver.kill("SIGTERM");
  expect((await leaver.ended).exit).toBe(75);
  await coordinator.line(({ event }) => event === "worker-draining", "the worker's word that it leaves");
  // Held, so that the run does not end before another worker is there.
  expect(await shoal(["pause", join(directory, "drained")], env)).toMatchObject({ exit: 0 });
  const last = worker();
  await coordinator.line(
    ({ event, workerId, workersReady }) =>
      event === "worker-ready" && workerId === "w3" && workersReady === 2,
    "another worker",
  );
  expect(await shoal(["resume", join(directory, "drained")], env)).toMatchObject({ exit: 0 });
  other.kill("SIGTERM");
  const left = await other.ended;
  expect(left).toMatchObject({ exit: 0, stdout: expect.stringContaining("left the run") as string });
  expect(doneOf(await coordinator.ended)).toMatchObject({ paramsHash: quiet.paramsHash, test: quiet.test });
  expect((await last.ended).exit).toBe(0);
  expect(coordinator.lines.filter(({ event }) => event === "result-mismatch")).toEqual([]);
});

test("an administrator drains a local worker by its name: it leaves, is not started again, and the other goes on", async () => {
  const run = join(directory, "administered");
  // So many steps that it is under way at any speed; it is stopped in the end.
  const train = new ShoalProcess(["train", ...smallRun(2_000), "--run-dir", run, "--workers", "2"], env);
  await train.line(
    ({ event, workersReady }) => event === "worker-ready" && workersReady === 2,
    "two workers",
  );
  const unknown = await shoal(["drain", run, "--worker", "local-7"], env);
  expect(unknown.exit).toBe(2);
  expect(unknown.stderr).toContain("there is no worker local-7 here; there are: local-");
  expect((await shoal(["drain", run], env)).exit).toBe(2);

  const drained = await shoal(["drain", run, "--worker", "local-1", "--reason", "new disk"], env);
  expect(drained).toMatchObject({ exit: 0, stdout: expect.stringContaining("1 goes on") as string });
  const left = await train.line(({ event }) => event === "worker-left", "its end");
  expect(left).toMatchObject({ worker: expect.stringMatching(/^local-1 /) as string, workersReady: 1 });
  await train.line(
    ({ event, workersReady }) => event === "step" && workersReady === 1,
    "a step of the other",
  );
  expect((await shoal(["stop", run], env)).exit).toBe(0);
  expect((await train.ended).exit).toBe(130);
  expect(train.lines.filter(({ event }) => event === "worker-joined")).toHaveLength(2);
  expect(train.lines.filter(({ event }) => event === "local-worker-ended")).toEqual([]);
});
