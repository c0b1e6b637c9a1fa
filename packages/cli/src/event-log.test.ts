import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { type EventLog, type LogLevel, openEventLog } from "./event-log.ts";
import { version } from "./version.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "shoal-log-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function open(
  file: string,
  level: LogLevel = "info",
  onFailure: (message: string) => void = () => {},
): EventLog {
  const log = openEventLog(file, { level, command: "train", onFailure });
  onTestFinished(() => log.close());
  return log;
}

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("an event is one line with time, level and origin, on the disk when the call returns", () => {
  const file = join(directory, "new", "events.jsonl");
  open(file).write("warn", "worker-left", { worker: "a (host:1)", reason: "silent" });
  const [line] = linesOf(file);
  expect(line).toMatchObject({
    level: "warn",
    origin: { command: "train", pid: process.pid, version },
    event: "worker-left",
    worker: "a (host:1)",
    reason: "silent",
  });
  expect(new Date(line!.time as string).toISOString()).toBe(line!.time);
});

test("a second start appends, and events below the level are left out", () => {
  const file = join(directory, "events.jsonl");
  writeFileSync(file, '{"event":"before"}\n');
  const log = open(file);
  log.write("debug", "block", {});
  log.write("info", "ready", {});
  expect(linesOf(file).map(({ event }) => event)).toEqual(["before", "ready"]);
});

test("a token is never written", () => {
  const file = join(directory, "events.jsonl");
  open(file).write("info", "odd", { token: "secret", listen: { authorization: "secret", port: 1 } });
  expect(readFileSync(file, "utf8")).not.toContain("secret");
  expect(linesOf(file)[0]).toMatchObject({ listen: { port: 1 } });
});

test("a file that cannot be opened is a mistake of the command line", () => {
  writeFileSync(join(directory, "file"), "");
  expect(() => open(join(directory, "file", "events.jsonl"))).toThrow(
    /^--log: cannot write .*name another file/,
  );
});

test.skipIf(!existsSync("/dev/full"))("a full disk ends the log, is told once, and nothing else", () => {
  const failures: string[] = [];
  const log = open("/dev/full", "info", (message) => void failures.push(message));
  for (let i = 0; i < 3; i++) log.write("info", "ready", {});
  expect(failures).toEqual([expect.stringMatching(/^--log: \/dev\/full cannot be written any more: ENOSPC/)]);
});
