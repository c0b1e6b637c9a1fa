import { join } from "node:path";
import { expect, test } from "vitest";
import { doneOf, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const STEPS = 40;
const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
const runDir = (name: string): string[] => ["--run-dir", join(directory, name)];

test("workers behind relays end in the bits of one worker, though a worker and a relay are killed", async () => {
  const quiet = doneOf(
    await new ShoalProcess(["train", ...smallRun(STEPS), ...runDir("quiet"), "--workers", "1"], env).ended,
  );
  const coordinator = new ShoalProcess(
    ["coordinator", ...smallRun(STEPS), ...runDir("relayed"), "--port", "0", "--min-workers", "2"],
    env,
  );
  const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
  const relay = (port = "0"): ShoalProcess =>
    new ShoalProcess(["relay", "--url", String(url), "--port", port, "--min-workers", "2", "--json"], env);
  const worker = (relayUrl: string): ShoalProcess =>
    new ShoalProcess(["worker", "--url", relayUrl, "--threads", "1"], env);
  const urlOf = async (process: ShoalProcess): Promise<string> =>
    String((await process.line(({ event }) => event === "listening", "listening")).url);
  const step = (at: number) =>
    coordinator.line(({ event, step }) => event === "step" && Number(step) >= at, `step ${at}`);

  const [first, second] = [relay(), relay()];
  const [firstUrl, secondUrl] = [await urlOf(first), await urlOf(second)];
  const workers = [worker(firstUrl), worker(firstUrl), worker(secondUrl), worker(secondUrl)];
  await step(2);
  // One of the first relay's workers: the relay has its blocks computed by the other.
  workers[0]!.kill("SIGKILL");
  await first.line(({ event, side }) => event === "worker-left" && side === "downstream", "its end");
  await step(4);
  // The second relay, whose workers wait for another one at its port.
  second.kill("SIGKILL");
  await second.ended;
  // Held, so that the others do not finish before its successor is there.
  expect(await shoal(["pause", join(directory, "relayed")], env)).toMatchObject({ exit: 0 });
  const third = relay(new URL(secondUrl).port);
  await third.line(
    ({ event, side }) => event === "ready" && side === "upstream",
    "the relay with its workers",
  );
  expect(await shoal(["resume", join(directory, "relayed")], env)).toMatchObject({ exit: 0 });

  expect(doneOf(await coordinator.ended)).toMatchObject({ paramsHash: quiet.paramsHash, test: quiet.test });
  // Nobody but relays talked to the coordinator, and the end of the run reached everybody behind them.
  expect(coordinator.lines.filter(({ event }) => event === "worker-joined")).toHaveLength(3);
  expect((await first.ended).exit).toBe(0);
  expect((await third.ended).exit).toBe(0);
  for (const survivor of workers.slice(1)) expect((await survivor.ended).exit).toBe(0);
});
