import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { doneOf, type Line, parseLines, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const STEPS = 30;
const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
const path = (name: string): string => join(directory, name);

let quiet: { paramsHash: unknown; test: unknown };
beforeAll(async () => {
  const options = ["--run-dir", path("quiet"), "--workers", "1", "--threads", "1"];
  const { paramsHash, test } = doneOf(await shoal(["train", ...smallRun(STEPS), ...options], env));
  quiet = { paramsHash, test };
});

describe("a coordinator that is killed in the middle of a round, again and again", () => {
  test("goes on at the step it was in, with the workers that were there, to the same bits", async ({
    annotate,
  }) => {
    // Two workers at every start: one that is still away when the run ends would look for it for minutes.
    const run = ["--run-dir", path("killed"), "--min-workers", "2"];
    let coordinator = new ShoalProcess(["coordinator", ...smallRun(STEPS), ...run, "--port", "0"], env);
    const { url } = await coordinator.line(({ event }) => event === "listening", "listening");
    const { port } = new URL(String(url));
    const workers = ["one", "two"].map(
      (name) =>
        new ShoalProcess(["worker", "--url", String(url), "--name", name, "--threads", "1", "--json"], env),
    );
    const restarts: number[] = [];
    for (const version of [4, 11, 12, 23]) {
      // Its leases are out, and some results are in; others are computed while nobody is there to take them.
      await workers[0]!.line(
        (line) => line.type === "block" && line.kind === "train" && Number(line.version) >= version,
        `a block of version ${version}`,
      );
      await coordinator.line(
        (line) => isRound(line) && versionOf(line) >= version,
        `the round of ${version}`,
      );
      coordinator.kill("SIGKILL");
      const { stdout } = await coordinator.ended;
      const told = parseLines(stdout.slice(0, stdout.lastIndexOf("\n") + 1)).filter(
        ({ event }) => event === "step",
      );
      const last = Number(told.at(-1)!.step);
      const started = performance.now();
      coordinator = new ShoalProcess(["coordinator", ...run, "--json", "--resume", "--port", port], env);
      const first = await coordinator.line(isRound, "a first lease");
      restarts.push(Math.round(performance.now() - started));
      // What was told was on its way to the log; the record of the last step may have been under way.
      expect(versionOf(first)).toBeGreaterThanOrEqual(last - 1);
      expect(versionOf(first)).toBeLessThanOrEqual(last + 1);
    }
    expect(doneOf(await coordinator.ended)).toMatchObject(quiet);
    for (const worker of workers) {
      const { exit, stdout } = await worker.ended;
      expect(exit).toBe(0);
      expect(parseLines(stdout).filter(({ type }) => type === "lost")).toHaveLength(4);
    }
    const verified = await shoal(["verify", path("killed"), "--json"], env);
    expect(verified.exit).toBe(0);
    expect(parseLines(verified.stdout).at(-1)).toMatchObject({
      event: "verified",
      isConsistent: true,
      starts: 5,
      step: STEPS,
      paramsHash: quiet.paramsHash,
    });
    await annotate(
      `restart to first leases: ${restarts.join(", ")} ms; ${handedOver()} blocks outlived their coordinator`,
    );
  });
});

test("a run that was killed before its first checkpoint begins at step 0 when it is resumed, and ends in the same bits", async () => {
  mkdirSync(path("young"));
  for (const file of ["run.json", "experiment.json"])
    cpSync(join(path("quiet"), file), join(path("young"), file));
  const resumed = await shoal(
    ["train", "--run-dir", path("young"), "--resume", "--workers", "1", "--threads", "1", "--json"],
    env,
  );
  expect(parseLines(resumed.stdout).map(({ event }) => event)).toContain("begun-anew");
  expect(resumed.stderr).toContain("the run ended before its first checkpoint; it begins at step 0");
  expect(doneOf(resumed)).toMatchObject(quiet);
});

test("what is evaluated is the last step of the log, where it is ahead of the last checkpoint", async () => {
  cpSync(path("quiet"), path("ahead"), { recursive: true });
  rmSync(join(path("ahead"), "checkpoints", `step-${String(STEPS).padStart(9, "0")}.json`));
  const evaluated = await shoal(
    ["evaluate", path("ahead"), "--workers", "1", "--threads", "1", "--json"],
    env,
  );
  expect(evaluated.stderr).toContain("step 30: the checkpoint of step 20, and 10 steps of the run's log");
  expect(doneOf(evaluated)).toMatchObject({ step: STEPS, ...quiet });
});

describe("shoal verify", () => {
  test("works on a run in progress, and says so", async () => {
    const process = new ShoalProcess(
      ["train", ...smallRun(STEPS), "--run-dir", path("busy"), "--workers", "1", "--threads", "1"],
      env,
    );
    await process.line(({ event, step }) => event === "step" && Number(step) >= 11, "step 11");
    const { exit, stdout, stderr } = await shoal(["verify", path("busy"), "--json"], env);
    process.kill("SIGINT");
    expect(stderr).toMatch(/in progress: process \d+ on .+ writes to it/);
    expect(exit).toBe(0);
    const verified = parseLines(stdout).at(-1)!;
    expect(verified).toMatchObject({ event: "verified", isConsistent: true });
    expect(Number(verified.step)).toBeGreaterThanOrEqual(10);
    await process.ended;
  });

  test("ends with 1 where something was changed, and names it", async () => {
    writeFileSync(join(path("quiet"), "experiment.json"), "{}\n");
    const { exit, stdout } = await shoal(["verify", path("quiet")], env);
    expect(exit).toBe(1);
    expect(stdout).toMatch(/fault +experiment +experiment\.json is not the one that start 1 ran/);
  });
});

/** A real file system of a few megabytes, where this machine lets us make one. */
const small = path("small-disk");
mkdirSync(small);
const isMounted =
  process.platform === "linux" &&
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", small]).status === 0;
afterAll(() => {
  if (isMounted) spawnSync("umount", ["-l", small]);
});

describe.runIf(isMounted)("a run whose disk fills up", () => {
  const filler = join(small, "filler");
  const train = (name: string): ShoalProcess => {
    const options = ["--run-dir", join(small, name), "--workers", "1", "--threads", "1"];
    return new ShoalProcess(["train", ...smallRun(STEPS), ...options], env);
  };
  /** Takes all the room that is left. */
  const fill = (): void => {
    spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4k"]);
  };

  test("waits for room, says so, and ends in the same bits", async () => {
    const process = train("waits");
    await process.line(({ event, step }) => event === "step" && Number(step) >= 3, "step 3");
    fill();
    const full = await process.line(({ event }) => event === "disk-full", "a full disk");
    expect(full).toMatchObject({ message: expect.stringContaining("ENOSPC") as string });
    await process.text(/the disk is full: .* make room: the run waits for another/);
    rmSync(filler);
    await process.text(/there is room on the disk again; the run goes on/);
    expect(doneOf(await process.ended)).toMatchObject(quiet);
    expect((await shoal(["verify", join(small, "waits")], env)).exit).toBe(0);
    rmSync(join(small, "waits"), { recursive: true });
  });

  test("ends at once when it is stopped, and nothing is lost", async () => {
    const process = train("stopped");
    await process.line(({ event, step }) => event === "step" && Number(step) >= 12, "step 12");
    fill();
    await process.line(({ event }) => event === "disk-full", "a full disk");
    process.kill("SIGINT");
    const { exit, stderr } = await process.ended;
    expect(exit).toBe(1);
    expect(stderr).toMatch(/make room, then resume the run/);
    rmSync(filler);
    const resumed = await shoal(["train", "--run-dir", join(small, "stopped"), "--resume", "--json"], env);
    expect(doneOf(resumed)).toMatchObject(quiet);
    expect((await shoal(["verify", join(small, "stopped")], env)).exit).toBe(0);
  });
});

/** Blocks that counted for one start of the coordinator and were leased by one before. */
function handedOver(): number {
  const leasesPerStart = 1_000_000_000;
  const lines = readFileSync(join(path("killed"), "ledger.jsonl"), "utf8")
    .trimEnd()
    .split("\n");
  return lines
    .map((line) => JSON.parse(line) as { incarnation: number; blocks?: [number, number, string, number][] })
    .flatMap(({ incarnation, blocks = [] }) =>
      blocks.filter(([, , , lease]) => Math.floor(lease / leasesPerStart) < incarnation),
    ).length;
}

function isRound({ event, spec }: Line): boolean {
  return event === "round-started" && (spec as { readonly kind: string }).kind === "train";
}

function versionOf({ spec }: Line): number {
  return (spec as { readonly version: number }).version;
}
