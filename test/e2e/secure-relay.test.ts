import { join } from "node:path";
import { expect, test } from "vitest";
import { doneOf, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const STEPS = 20;
const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
const path = (name: string): string => join(directory, name);

test("a relay under TLS and tokens on both sides takes in late workers, is replaced, and changes no bit", async () => {
  const quiet = doneOf(
    await shoal(["train", ...smallRun(STEPS), "--run-dir", path("quiet"), "--workers", "1"], env),
  );
  const tokens = path("tokens");
  expect((await shoal(["token", tokens], env)).exit).toBe(0);
  const secured = ["--tls-dir", path("tls"), "--token-file", tokens];
  const coordinator = new ShoalProcess(
    ["coordinator", ...smallRun(STEPS), "--run-dir", path("run"), "--port", "0", ...secured],
    env,
  );
  const listening = await coordinator.line(({ event }) => event === "listening", "listening");
  const url = String(listening.url);
  expect(url).toMatch(/^wss:/);
  const fingerprint = (await coordinator.text(/--fingerprint ([0-9a-f]{64})/))[1]!;
  // Held, so that it does not end before both workers are there.
  expect(await shoal(["pause", path("run")], env)).toMatchObject({ exit: 0 });
  const relay = (port: string, pinned = fingerprint): ShoalProcess => {
    const upstream = ["--url", url, "--fingerprint", pinned, "--token-file", tokens];
    const own = ["--port", port, "--tls-dir", path("relay-tls"), "--name", "relay", "--json"];
    return new ShoalProcess(["relay", ...upstream, ...own], env);
  };

  // Not the coordinator that it was told to trust: the token does not go out.
  const misled = await relay("0", "0".repeat(64)).ended;
  expect(misled.exit).not.toBe(0);
  expect(misled.stderr).toContain("E_CERTIFICATE");

  const first = relay("0");
  const relayUrl = String((await first.line(({ event }) => event === "listening", "listening")).url);
  const pinned = (await first.text(/--fingerprint ([0-9a-f]{64})/))[1]!;
  const worker = (...more: readonly string[]): ShoalProcess =>
    new ShoalProcess(
      ["worker", "--url", relayUrl, "--fingerprint", pinned, "--threads", "1", "--json", ...more],
      env,
    );
  await first.line(({ event, side }) => event === "preparing" && side === "upstream", "its place in the run");
  const stranger = await worker().ended;
  expect(stranger.exit).not.toBe(0);
  const workers = [worker("--token-file", tokens)];
  await coordinator.line(({ event, slots }) => event === "worker-ready" && slots === 1, "the relay");

  // One that comes later: the coordinator learns that the relay has another slot.
  workers.push(worker("--token-file", tokens));
  await coordinator.line(({ event, slots }) => event === "worker-slots" && slots === 2, "its second slot");
  expect(await shoal(["resume", path("run")], env)).toMatchObject({ exit: 0 });
  await coordinator.line(({ event, step }) => event === "step" && Number(step) >= 2, "step 2");

  // Without it the run stands still, and its workers look for another one at its port.
  first.kill("SIGTERM");
  expect((await first.ended).exit).toBe(0);
  await coordinator.line(({ event }) => event === "worker-left", "its end");
  const second = relay(new URL(relayUrl).port);
  expect(doneOf(await coordinator.ended)).toMatchObject({ paramsHash: quiet.paramsHash, test: quiet.test });
  expect((await second.ended).exit).toBe(0);
  for (const one of workers) expect((await one.ended).exit).toBe(0);
});

test("a relay that waits for its first workers leaves at once when it is told to, by a signal or an administrator", async () => {
  const coordinator = new ShoalProcess(
    ["coordinator", ...smallRun(STEPS), "--run-dir", path("lonely"), "--port", "0"],
    env,
  );
  const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
  const relays = ["signalled", "drained"].map(
    (name) =>
      new ShoalProcess(
        ["relay", "--url", String(url), "--port", "0", "--name", name, "--drain-exit-code", "75", "--json"],
        env,
      ),
  );
  for (const one of relays) await one.line(({ event }) => event === "preparing", "its place in the run");
  relays[0]!.kill("SIGTERM");
  expect(await shoal(["drain", path("lonely"), "--worker", "drained"], env)).toMatchObject({ exit: 0 });
  for (const one of relays) expect((await one.ended).exit).toBe(75);
  expect((await shoal(["stop", path("lonely")], env)).exit).toBe(0);
  expect((await coordinator.ended).exit).toBe(130);
});
