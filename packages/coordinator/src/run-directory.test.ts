import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { LOCK_STALE_MS } from "./limits.ts";
import { RunDirectory } from "./run-directory.ts";
import { smallCheckpoint } from "./testing/small-checkpoint.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

async function open(path: string, resume = false): Promise<RunDirectory> {
  const directory = await RunDirectory.open(path, { resume, runId: "run-1" });
  onTestFinished(() => directory.close());
  return directory;
}

const newPath = async (): Promise<string> => join(await temporaryDirectory(onTestFinished), "runs", "one");

describe("a run directory", () => {
  test("is made with all that is above it", async () => {
    const path = await newPath();
    const directory = await open(path);
    expect(directory).toMatchObject({ path, runId: "run-1", incarnation: 1 });
    expect(existsSync(join(path, "checkpoints"))).toBe(true);
    await directory.writeExperiment({ name: "small" });
    expect(JSON.parse(await readFile(join(path, "experiment.json"), "utf8"))).toEqual({ name: "small" });
  });

  test("keeps its run's id and raises the incarnation with every start", async () => {
    const path = await newPath();
    await (await open(path)).close();
    for (const incarnation of [2, 3]) {
      const directory = await RunDirectory.open(path, { resume: true, runId: "another" });
      expect(directory).toMatchObject({ runId: "run-1", incarnation });
      await directory.close();
    }
  });

  test("says what it trains from the moment that there is a run in it, and that the run has not begun", async () => {
    const path = await newPath();
    const experiment = { name: "small" };
    const directory = await RunDirectory.open(path, { resume: false, runId: "run-1", experiment });
    expect(await directory.hasBegun()).toBe(false);
    // Killed here.
    await directory.close();
    const again = await open(path, true);
    expect(await again.hasBegun()).toBe(false);
    expect(await again.readExperiment()).toEqual(experiment);
    await again.save(smallCheckpoint(0));
    expect(await again.hasBegun()).toBe(true);
  });

  test("whose checkpoints are gone has begun all the same: it is not begun anew in silence", async () => {
    const directory = await open(await newPath());
    await writeFile(join(directory.path, "ledger.jsonl"), "{}\n");
    expect(await directory.hasBegun()).toBe(true);
  });

  test("that lost its experiment says which file is missing", async () => {
    const directory = await open(await newPath());
    await expect(directory.readExperiment()).rejects.toMatchObject({
      code: "E_RUN_DIRECTORY",
      message: expect.stringContaining("experiment.json: expected what the run trains") as string,
    });
  });

  test("that holds a run is not begun again", async () => {
    const path = await newPath();
    await (await open(path)).close();
    await expect(open(path)).rejects.toMatchObject({
      code: "E_RUN_DIRECTORY",
      message: `${path}: holds a run already; go on with it by --resume, or name another directory`,
    });
  });

  test("without a run is not resumed, and not made", async () => {
    const path = await newPath();
    await expect(open(path, true)).rejects.toMatchObject({
      code: "E_RUN_DIRECTORY",
      message: expect.stringContaining("expected a run to resume, found none") as string,
    });
    expect(existsSync(path)).toBe(false);
  });

  test.each([
    "",
    "{",
    '{"format":2,"runId":"a","incarnation":1}',
    '{"format":1,"runId":"a","incarnation":-1}',
  ])("with %j as run.json is refused, and left unlocked", async (content) => {
    const path = await newPath();
    await (await open(path)).close();
    await writeFile(join(path, "run.json"), content);
    await expect(open(path, true)).rejects.toMatchObject({
      code: "E_RUN_DIRECTORY",
      message: expect.stringContaining("run.json") as string,
    });
    expect(existsSync(join(path, "lock.json"))).toBe(false);
  });

  test("where a file is in the way is refused", async () => {
    const parent = await temporaryDirectory(onTestFinished);
    await writeFile(join(parent, "file"), "");
    await expect(open(join(parent, "file", "one"))).rejects.toMatchObject({ code: "E_RUN_DIRECTORY" });
  });
});

describe("the lock of a run directory", () => {
  /** A run directory that was left with the lock of another coordinator. */
  async function lockedBy(holder: unknown, touchedMsAgo = 0): Promise<string> {
    const path = await newPath();
    await (await open(path)).close();
    await writeFile(join(path, "lock.json"), typeof holder === "string" ? holder : JSON.stringify(holder));
    const touched = new Date(Date.now() - touchedMsAgo);
    await utimes(join(path, "lock.json"), touched, touched);
    return path;
  }

  const locked = (pid: number, host: string) => ({
    code: "E_LOCKED",
    message: expect.stringContaining(`another coordinator uses it (process ${pid} on ${host})`) as string,
  });

  test("keeps a second coordinator out while the first one lives", async () => {
    // The parent of this process lives as long as this test.
    const path = await lockedBy({ pid: process.ppid, host: hostname() });
    await expect(open(path, true)).rejects.toMatchObject(locked(process.ppid, hostname()));
    // The lock is still that of the first one.
    expect(JSON.parse(await readFile(join(path, "lock.json"), "utf8"))).toMatchObject({ pid: process.ppid });
  });

  test("is taken over from a process that has died, however fresh it is", async () => {
    const { pid } = spawnSync(process.execPath, ["--version"]);
    const path = await lockedBy({ pid, host: hostname() });
    expect(await open(path, true)).toMatchObject({ incarnation: 2 });
    expect(JSON.parse(await readFile(join(path, "lock.json"), "utf8"))).toMatchObject({ pid: process.pid });
  });

  test("of another machine holds as long as it is touched", async () => {
    const holder = { pid: 1, host: "elsewhere" };
    const fresh = await lockedBy(holder, LOCK_STALE_MS / 2);
    await expect(open(fresh, true)).rejects.toMatchObject(locked(1, "elsewhere"));
    const stale = await lockedBy(holder, LOCK_STALE_MS + 1_000);
    expect(await open(stale, true)).toMatchObject({ incarnation: 2 });
  });

  test("that cannot be read holds nobody out for long", async () => {
    const path = await lockedBy("", LOCK_STALE_MS + 1_000);
    expect(await open(path, true)).toMatchObject({ incarnation: 2 });
  });

  test("that was taken a moment ago, and is not written yet, holds", async () => {
    const path = await lockedBy("", 0);
    await expect(open(path, true)).rejects.toMatchObject({ code: "E_LOCKED" });
  });

  test("is given back at the end", async () => {
    const path = await newPath();
    const directory = await open(path);
    expect(existsSync(join(path, "lock.json"))).toBe(true);
    await directory.close();
    expect(existsSync(join(path, "lock.json"))).toBe(false);
  });
});
