import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { presets } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type Command, EXIT } from "./command.ts";
import { main } from "./main.ts";
import { captureOutput } from "./testing/captured-output.ts";
import { saveSinusoidRun } from "./testing/sinusoid-run.ts";
import { version } from "./version.ts";

const directory = mkdtempSync(join(tmpdir(), "shoal-main-"));
afterAll(() => rmSync(directory, { recursive: true }));

const runDir = join(directory, "run");
const cache = ["--cache-dir", join(directory, "cache")];

beforeAll(() => saveSinusoidRun(runDir, 7));

/** How a command line ends, and what it wrote. */
async function shoal(...args: string[]) {
  const { result: exit, stdout, stderr } = await captureOutput(() => main(args));
  return { exit, stdout, stderr };
}

/** A command that does this and no more. */
const doing = (run: Command["run"]): readonly Command[] => [
  { name: "do", summary: "Do it.", arguments: "", options: ["json"], example: "shoal do", run },
];

/** How `shoal do ...args` ends where it does `run`, and what it wrote. */
async function shoalDoing(run: Command["run"], ...args: string[]) {
  const { result: exit, stdout, stderr } = await captureOutput(() => main(["do", ...args], doing(run)));
  return { exit, stdout, stderr };
}

describe("exit code 0", () => {
  test.each([
    ["--help", /^Usage: shoal \[options\] \[command\]\n/],
    ["--version", new RegExp(`^${version}\n$`)],
    ["train --help", /^Usage: shoal train \[options\]\n/],
    ["train --list-presets", /^quickstart {13}procedural characters.*\nomniglot-5w1s /],
  ])("of shoal %s, all of it on standard output", async (line, text) => {
    const { exit, stdout, stderr } = await shoal(...line.split(" "));
    expect({ exit, stderr }).toEqual({ exit: EXIT.done, stderr: "" });
    expect(stdout).toMatch(text);
  });

  test("of data list and doctor, where nothing is packed yet", async () => {
    vi.stubEnv("SHOAL_OMNIGLOT_DIR", undefined);
    const { exit, stdout } = await shoal("data", "list", ...cache);
    expect(exit).toBe(EXIT.done);
    expect(stdout).toMatch(
      /^sinusoid .*\n(.*\n)*glyphs .*\n +glyphs: not packed yet\nomniglot .*\n +files: .*SHOAL_OMNIGLOT_DIR \(not set\)\n/,
    );
    const examined = await shoal("doctor", "--data", join(directory, "nowhere"), ...cache);
    expect(examined.exit).toBe(EXIT.done);
    expect(examined.stdout).toContain(
      `missing  data omniglot: there is no directory ${join(directory, "nowhere")}\n`,
    );
    vi.unstubAllEnvs();
  });

  test("with --json: objects on standard output, the same text as ever on standard error", async () => {
    const { stdout: text } = await shoal("train", "--list-presets");
    const { exit, stdout, stderr } = await shoal("train", "--list-presets", "--json");
    expect({ exit, stderr }).toEqual({ exit: EXIT.done, stderr: text });
    const objects = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event: string });
    expect(objects).toHaveLength(presets.length);
    expect(objects.every(({ event }) => event === "preset")).toBe(true);
  });
});

describe("exit code 2 and one line", () => {
  /** Command lines that cannot be carried out, and what is said. */
  const mistakes: readonly [line: string, message: RegExp][] = [
    ["trian", /unknown command 'trian' \(Did you mean train\?\)/],
    ["train --ways", /option '--ways <n>' argument missing; see: shoal train --help/],
    ["train --ways 1", /argument '1' is invalid\. Expected an integer, >= 2\./],
    ["train --preset omniglot", /--preset: expected one of .*, got omniglot; did you mean omniglot-5w1s\?/],
    ["train --preset sinusoid --ways 5", /--ways: the dataset sinusoid has no ways/],
    ["data lst", /data: expected one of list, .*, got lst; did you mean list\?/],
    ["data list glyphs", /data list: expected nothing after it, got glyphs; it lists all/],
    [
      "data verify glyhps",
      /data: expected one of sinusoid, .*glyphs, omniglot, .*, got glyhps; did you mean glyphs\?/,
    ],
    ["data preview", /data: expected one of sinusoid, .*glyphs, omniglot, .*, got nothing/],
    ["data preview sinusoid", /data preview: expected a data set of images, got sinusoid/],
    ["worker", /--url: expected ws:\/\/HOST:PORT of a coordinator, got nothing/],
    // Options that contradict each other, or what is stored.
    ["train --resume", /--resume: expected --run-dir with the run to go on with, got none/],
    [
      "coordinator --host 0.0.0.0",
      /--host 0\.0\.0\.0: other machines can reach it, so expected --token-file, got none; .*or say --insecure/,
    ],
    ["train --host ::", /--host ::: other machines can reach it, so expected --token-file/],
    ["train --host 127.0.0.1.example", /other machines can reach it/],
    ["coordinator --tls-cert c.pem", /--tls-cert: expected --tls-key with it/],
    ["coordinator --tls-cert c --tls-key k --tls-dir d", /--tls-dir: .* got --tls-cert as well/],
    ["worker --url wss://h --rendezvous f", /--rendezvous: says all that --url says, got both/],
    ["worker --url wss://h --fingerprint abc", /--fingerprint: expected the SHA-256 .* got abc/],
    [`worker --url ws://h --fingerprint ${"a".repeat(64)}`, /expected a URL with wss:/],
    [
      `train --run-dir ${runDir} --preset sinusoid`,
      /holds a run already; go on with it by --resume, or name another/,
    ],
    [`train --run-dir ${runDir} --resume --preset sinusoid --shots 5`, /--preset, --shots would change it/],
    [`coordinator --run-dir ${runDir} --resume --algorithm fomaml`, /--algorithm would change it/],
    [`train --run-dir ${runDir} --resume --seed 2`, /--seed would change it/],
    [`train --run-dir ${runDir} --resume --steps 6`, /--steps: the run has committed 7 steps already, got 6/],
  ];

  test.each(mistakes)("of shoal %s", async (line, message) => {
    const { exit, stdout, stderr } = await shoal(...line.split(" "));
    expect(stderr).toMatch(/^error: .* \(E_[A-Z_]+\)\n$/);
    expect(stderr).toMatch(message);
    expect({ exit, stdout }).toEqual({ exit: EXIT.usage, stdout: "" });
  });

  test.each(mistakes)("of shoal %s --json, which is an object too", async (line, message) => {
    const { exit, stdout, stderr } = await shoal(...line.split(" "), "--json");
    expect(exit).toBe(EXIT.usage);
    expect(stderr).toMatch(/^error: .*\n$/);
    expect(stdout).toMatch(/^[^\n]+\n$/);
    const object = JSON.parse(stdout) as { message: string };
    expect(object).toEqual({
      event: "error",
      code: expect.stringMatching(/^E_/) as string,
      message: object.message,
    });
    if (line !== "train --ways") expect(object.message).toMatch(message);
  });
});

describe("exit code 1", () => {
  test("of a world that failed: one line, with its code", async () => {
    const empty = join(directory, "empty-run");
    mkdirSync(empty);
    const { exit, stdout, stderr } = await shoal("evaluate", empty);
    expect({ exit, stdout }).toEqual({ exit: EXIT.failed, stdout: "" });
    expect(stderr).toMatch(/^error: .*empty-run: expected a checkpoint, found none.* \(E_CHECKPOINT\)\n$/);
  });

  test("of a bug: the version, the stack, and E_BUG for programs", async () => {
    const { exit, stdout, stderr } = await shoalDoing(
      () => Promise.reject(new TypeError("no such thing")),
      "--json",
    );
    expect(exit).toBe(EXIT.failed);
    expect(stderr).toMatch(
      /^This is a bug in shoal \d.*; please report it with the lines below\.\nTypeError: no such thing\n {4}at /,
    );
    expect(JSON.parse(stdout)).toEqual({
      event: "error",
      code: "E_BUG",
      message: "TypeError: no such thing",
    });
  });

  test("of an error that lost its class on the way is the error's, not a bug's", async () => {
    const error = Object.assign(new Error("the disk is full"), { code: "E_DISK" });
    const { exit, stderr } = await shoalDoing(() => Promise.reject(error));
    expect({ exit, stderr }).toEqual({ exit: EXIT.failed, stderr: "error: the disk is full (E_DISK)\n" });
    const usage = new ShoalError("E_USAGE", "--x: expected y, got z");
    expect((await shoalDoing(() => Promise.reject(usage))).exit).toBe(EXIT.usage);
  });
});

describe("an interrupt", () => {
  /** Tells the command of a SIGTERM, and the test's process nothing. */
  const interrupt = () => process.listeners("SIGTERM").at(-1)!("SIGTERM");
  const untilInterrupted: Command["run"] = ({ signal }) =>
    new Promise((resolve) => {
      signal.addEventListener("abort", () => resolve(EXIT.interrupted));
      interrupt();
    });

  test("asks the command to stop, and 130 is its exit code", async () => {
    const { exit, stdout } = await shoalDoing(untilInterrupted);
    expect({ exit, stdout }).toEqual({ exit: 130, stdout: "SIGTERM: stopping\n" });
  });

  test("that comes a second time ends the process at once", async () => {
    const ended = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    await shoalDoing(async (invocation) => {
      const exit = await untilInterrupted(invocation);
      interrupt();
      return exit;
    });
    expect(ended.mock.calls).toEqual([[130]]);
    ended.mockRestore();
  });

  test("is no longer listened to once the command has ended", async () => {
    const before = process.listenerCount("SIGTERM");
    await shoalDoing(async () => {
      expect(process.listenerCount("SIGTERM")).toBe(before + 1);
      return EXIT.done;
    });
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });
});
