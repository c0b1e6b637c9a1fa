import { join } from "node:path";
import { expect, test } from "vitest";
import { doneOf, ShoalProcess, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const STEPS = 20;
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
  const last = worker();
  await coordinator.line(
    ({ event, workersReady }) => event === "worker-ready" && workersReady === 2,
    "another worker",
  );
  other.kill("SIGTERM");
  const left = await other.ended;
  expect(left).toMatchObject({ exit: 0, stdout: expect.stringContaining("left the run") as string });
  expect(doneOf(await coordinator.ended)).toMatchObject({ paramsHash: quiet.paramsHash, test: quiet.test });
  expect((await last.ended).exit).toBe(0);
  expect(coordinator.lines.filter(({ event }) => event === "result-mismatch")).toEqual([]);
});
