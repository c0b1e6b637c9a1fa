import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLines, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };

test("a run that waits for a worker that was stopped says so, until when, and goes on when it wakes up", async () => {
  const runDir = join(directory, "run");
  const log = join(directory, "events.jsonl");
  const coordinator = new ShoalProcess(
    ["coordinator", ...smallRun(2000), "--run-dir", runDir, "--port", "0", "--log", log],
    env,
  );
  const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
  const nobody = await shoal(["why", String(url)], env);
  expect(nobody.stdout).toMatch(
    /^the run waits for 1 worker, by who starts workers: .*, the run ends in [\d.]+ s$/m,
  );

  const worker = new ShoalProcess(
    ["worker", "--url", String(url), "--name", "b", "--threads", "1", "--log", log],
    env,
  );
  await coordinator.line(({ event, step }) => event === "step" && Number(step) >= 3, "step 3");
  worker.kill("SIGSTOP");
  // It is alone: whatever is leased now is leased to it, and stays so for the 10 s of the shortest lease.
  const why = await shoal(["why", runDir], env);
  expect(why).toMatchObject({ exit: 0, stderr: "" });
  const name = `b \\(.*:${worker.pid}\\)`;
  expect(why.stdout).toMatch(
    new RegExp(
      `^(step \\d+|the validation .*) waits for .* episodes? .*, by ${name}: .*, goes to another worker in [\\d.]+ s$`,
      "m",
    ),
  );
  const [status] = parseLines((await shoal(["status", runDir, "--json"], env)).stdout);
  expect(status).toMatchObject({ event: "status", format: 1, workers: [{ pid: worker.pid, slots: 1 }] });
  const { waits } = status as unknown as { waits: { owner: string; remainingMs: number }[] };
  expect(waits.some(({ owner, remainingMs }) => owner.startsWith("b (") && remainingMs > 0)).toBe(true);

  const committed = coordinator.lines.filter(({ event }) => event === "step").length;
  worker.kill("SIGCONT");
  await coordinator.line(({ event, step }) => event === "step" && Number(step) > committed, "one more step");

  expect(await shoal(["pause", runDir, "--reason", "new cables"], env)).toMatchObject({ exit: 0 });
  expect((await shoal(["why", runDir], env)).stdout).toMatch(/^.*waits for a resume, .*new cables/m);
  expect(await shoal(["resume", runDir], env)).toMatchObject({ exit: 0 });
  expect(await shoal(["stop", runDir], env)).toMatchObject({ exit: 0 });
  expect((await coordinator.ended).exit).toBe(130);
  await worker.ended;

  const gone = await shoal(["status", runDir], env);
  expect(gone.stderr).toMatch(
    /^error: .*it ended \(stopped\) at step \d+; go on with it by: .*--resume \(E_CONNECT\)$/m,
  );
  expect(gone.exit).toBe(1);
  const logged = parseLines(readFileSync(log, "utf8"));
  expect(new Set(logged.map(({ origin }) => (origin as { command: string }).command))).toEqual(
    new Set(["coordinator", "worker"]),
  );
  expect(logged.map(({ event }) => event)).toEqual(
    expect.arrayContaining(["start", "worker-ready", "ready", "step", "paused", "resumed", "done", "exit"]),
  );
});
