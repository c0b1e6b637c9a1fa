import { mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { connectWebSocket } from "@shoal/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { doneOf, parseLines, ShoalProcess, shoal, shoalScript, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache"), SHOAL_OMNIGLOT_DIR: "" };
const at = (...names: string[]): string => join(directory, ...names);

mkdirSync(at("not-a-zip"));
writeFileSync(at("not-a-zip", "images_background.zip"), "<html>please log in</html>");
writeFileSync(at("not-a-zip", "images_evaluation.zip"), "<html>please log in</html>");
writeFileSync(at("wrong.json"), '{ "steps": -3, "color": 1 }');
writeFileSync(at("cut.json"), '{ "steps": 3');
mkdirSync(at("empty"));

/** A command line, the exit code, and the one error that it prints. */
const mistakes: readonly [args: string[], exit: number, error: RegExp][] = [
  [["trian"], 2, /unknown command 'trian'\s+\(Did you mean train\?\)/],
  [["train", "--wyas", "5"], 2, /unknown option '--wyas'\s+\(Did you mean --ways\?\)/],
  [["train", "--ways", "five"], 2, /'--ways <n>' argument 'five' is invalid\. Expected an integer/],
  [["train", "--inner-lr", "0"], 2, /'--inner-lr <x>' argument '0' is invalid\. Expected a number, > 0/],
  [["train", "--preset", "omniglt"], 2, /--preset: expected one of .* got omniglt; did you mean omniglot/],
  [["train", "--ways", "2000"], 2, /dataset\.ways: expected at most 700, .* got 2000; lower the ways/],
  [["train", "--config", at("wrong.json")], 2, /steps: expected at least 0, got -3; .* no field color/],
  [["train", "--config", at("cut.json")], 2, /--config: \S+cut\.json is not JSON/],
  [["train", "--resume"], 2, /--resume: expected --run-dir/],
  [
    ["train", "--resume", "--run-dir", at("nowhere")],
    2,
    /nowhere: expected a run to resume, found none \(no run\.json\)/,
  ],
  [
    ["train", "--preset", "omniglot-5w1s"],
    2,
    /omniglot: no directory was named .* --data DIR or SHOAL_OMNIGLOT_DIR/,
  ],
  [
    ["train", "--preset", "omniglot-5w1s", "--data", at("empty")],
    2,
    /expected images_background\.zip .* found an empty directory/,
  ],
  [
    ["train", "--preset", "omniglot-5w1s", "--data", at("not-a-zip")],
    1,
    /images_background\.zip: expected a whole zip archive: .* get it again/,
  ],
  [["evaluate", at("nowhere")], 2, /expected a checkpoint or a run directory, found nothing/],
  [["worker"], 2, /--url: expected ws:\/\/HOST:PORT of a coordinator/],
  [
    ["worker", "--url", "ws://127.0.0.1:1", "--reconnect-for", "1"],
    1,
    /no coordinator at ws:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*; gave up after 1 s/,
  ],
  [
    ["coordinator", "--host", "0.0.0.0"],
    2,
    /--host 0\.0\.0\.0: other machines can reach it, so expected --token-file/,
  ],
  [["coordinator", "--token-file", at("nowhere")], 2, /--token-file: cannot read/],
];

describe("one clear error, the right exit code, and nothing left behind:", () => {
  test.each(mistakes)("shoal %j", async (args, exit, error) => {
    const runDir = at(`run-${args.join("-").replaceAll("/", "_")}`);
    const isTraining = ["train", "coordinator"].includes(args[0]!) && !args.includes("--run-dir");
    const ended = await shoal(
      [...args, ...(isTraining && !args.includes("--resume") ? ["--run-dir", runDir] : [])],
      env,
    );
    expect(ended.stderr).toMatch(error);
    expect(ended.exit).toBe(exit);
    expect(ended.stderr.match(/^error: /gm)).toHaveLength(1);
    expect(ended.stderr).not.toMatch(/^ +at /m);
    expect(readdirSync(directory)).not.toContain(runDir.slice(directory.length + 1));
  });

  test("with --json the error is an object too", async () => {
    const { exit, stdout } = await shoal(["train", "--ways", "2000", "--json"], env);
    expect(exit).toBe(2);
    expect(parseLines(stdout).at(-1)).toMatchObject({ event: "error", code: "E_DATASET_CONFIG" });
  });

  test("a port that is in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const args = ["coordinator", ...smallRun(1), "--run-dir", at("port"), "--port", String(port)];
    const { exit, stderr } = await shoal(args, env);
    expect(stderr).toMatch(
      new RegExp(`^error: port ${port} on 127\\.0\\.0\\.1 is in use; .*\\(E_PORT\\)$`, "m"),
    );
    expect(exit).toBe(1);
  });
});

describe("a coordinator", () => {
  /** One that waits for a worker, with a token. */
  async function start(name: string) {
    writeFileSync(at(`${name}.token`), "0123456789abcdef0123456789abcdef\n");
    const coordinator = new ShoalProcess(
      [
        "coordinator",
        ...smallRun(3),
        "--run-dir",
        at(name),
        "--port",
        "0",
        "--token-file",
        at(`${name}.token`),
      ],
      env,
    );
    const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
    return { coordinator, url: String(url), token: "0123456789abcdef0123456789abcdef" };
  }

  /** Says hello and, once welcome, that it is ready with some data; returns what it is refused with. */
  async function refusalOf(url: string, token: string, protocol: number, dataHash: string) {
    const connection = await connectWebSocket(url, { token });
    const refused = new Promise<{ code: string; message: string }>((resolve) => {
      connection.onMessage((message) => {
        if (message.type === "refuse") resolve(message);
        if (message.type !== "welcome") return;
        connection.send({ type: "ready", dataHash, device: "cpu", slots: 1, paramCount: 1909 });
      });
    });
    connection.send({
      type: "hello",
      protocolMin: protocol,
      protocolMax: protocol,
      name: "stranger",
      version: "0.0.0",
      host: "elsewhere",
      pid: 1,
    });
    const refusal = await refused;
    connection.close(1000, "refused");
    return refusal;
  }

  test("refuses a wrong token, another protocol and other data, and goes on with a good worker", async () => {
    const { coordinator, url, token } = await start("refusals");
    writeFileSync(at("wrong.token"), "ffffffffffffffffffffffffffffffff\n");
    const stranger = await shoal(["worker", "--url", url, "--token-file", at("wrong.token")], env);
    expect(stranger.stderr).toMatch(/^error: .*token.*$/m);
    expect(stranger.exit).toBe(2);
    expect(await refusalOf(url, token, 99, "")).toMatchObject({
      code: "E_PROTOCOL",
      message: expect.stringMatching(/speaks versions 1-1, this worker 99-99; install one version/),
    });
    expect(await refusalOf(url, token, 1, "0".repeat(64))).toMatchObject({
      code: "E_DATA_HASH",
      message: expect.stringMatching(
        /bound to data [0-9a-f]{64}, this worker has 0{64}; give it the same files/,
      ),
    });
    const worker = await shoal(["worker", "--url", url, "--token-file", at("refusals.token")], env);
    expect(worker.exit).toBe(0);
    expect(doneOf(await coordinator.ended)).toMatchObject({ outcome: "complete", step: 3 });
  });

  test("that nobody joins says what it waits for, and gives up at its deadline", async () => {
    const args = ["coordinator", ...smallRun(1), "--run-dir", at("alone"), "--port", "0", "--wait-for", "1"];
    const { exit, stderr } = await shoal(args, env);
    expect(stderr).toMatch(/waiting for 1 worker: 0 ready; for another/);
    expect(stderr).toMatch(/^error: .*worker.*\(E_WORKERS\)$/m);
    expect(exit).toBe(1);
  });
});

describe("a run directory", () => {
  const train = (name: string, steps: number, ...more: string[]) =>
    shoal(["train", ...smallRun(steps), "--workers", "1", "--run-dir", at(name), ...more], env);

  test("of a run that was killed before its first step can be resumed", async () => {
    const coordinator = new ShoalProcess(
      ["coordinator", ...smallRun(2), "--run-dir", at("early"), "--port", "0"],
      env,
    );
    await coordinator.line(({ event }) => event === "listening", "listening");
    coordinator.kill("SIGKILL");
    await coordinator.ended;
    const resumed = await shoal(["train", "--resume", "--run-dir", at("early"), "--json"], env);
    expect(doneOf(resumed)).toMatchObject({ step: 2, paramsHash: doneOf(await train("late", 2)).paramsHash });
  });

  test("is not overwritten by a new run", async () => {
    doneOf(await train("taken", 1));
    const before = readFileSync(at("taken", "summary.json"), "utf8");
    const { exit, stderr } = await train("taken", 2);
    expect(stderr).toMatch(/^error: .*taken.*--resume/m);
    expect(exit).toBe(2);
    expect(readFileSync(at("taken", "summary.json"), "utf8")).toBe(before);
  });

  test("whose last checkpoint is cut off goes on from the one before and the log; with none left it says so", async () => {
    const whole = doneOf(await train("cut", 20));
    const checkpoints = readdirSync(at("cut", "checkpoints"))
      .filter((name) => name.endsWith(".safetensors"))
      .sort();
    expect(checkpoints.slice(-2)).toEqual(["step-000000010.safetensors", "step-000000020.safetensors"]);
    truncateSync(at("cut", "checkpoints", checkpoints.at(-1)!), 1000);
    const resumed = await shoal(
      ["train", "--resume", "--run-dir", at("cut"), "--json", "--workers", "1"],
      env,
    );
    expect(resumed.stderr).toMatch(
      /step-000000020\.safetensors is damaged or cut off: .*; the one before is used/,
    );
    expect(resumed.stderr).toContain("from step 20 (checkpoint of step 10, 10 from the log)");
    expect(doneOf(resumed)).toMatchObject({ paramsHash: whole.paramsHash, test: whole.test });
    // The damaged one was put aside; its log brought its step back, without a checkpoint of its own.
    for (const name of checkpoints.slice(0, -1)) truncateSync(at("cut", "checkpoints", name), 1000);
    const lost = await shoal(["evaluate", at("cut")], env);
    expect(lost.stderr).toMatch(/^error: .*expected a checkpoint, none of 2 is whole:$/m);
    expect(lost.exit).toBe(1);
  });

  test("on a full disk ends the run with its last good checkpoint in place", async () => {
    doneOf(await train("full", 10));
    // Files of at most 40 blocks of 512 bytes: metrics.jsonl fits, the next checkpoint of 24 kB does not.
    const limited = new ShoalProcess(
      ["train", "--resume", "--steps", "20", "--run-dir", at("full"), "--json", "--workers", "1"],
      env,
      ["/bin/sh", "-c", `ulimit -f 40; exec "${process.execPath}" "$0" "$@"`, shoalScript],
    );
    const { exit, stderr } = await limited.ended;
    expect(stderr).toMatch(/^error: .*EFBIG.*\(E_CHECKPOINT_WRITE\)$/m);
    expect(exit).toBe(1);
    const resumed = await shoal(
      ["train", "--resume", "--steps", "20", "--run-dir", at("full"), "--json"],
      env,
    );
    const quiet = doneOf(await train("roomy", 20));
    expect(doneOf(resumed).paramsHash).toBe(quiet.paramsHash);
  });
});
