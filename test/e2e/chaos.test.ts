import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLines, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";

const SEED = 3;
const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };

/** A small network, so that steps are many; no `--steps`, so that the run lasts as long as the faults. */
const run = (name: string): string[] =>
  [
    ["chaos", "--preset", "quickstart", "--filters", "8", "--meta-batch", "12", "--test-tasks", "12"],
    ["--workers", "3", "--seed", String(SEED), "--run-dir", join(directory, name), "--json"],
  ].flat();

test(`a run to which everything happens that can (seed ${SEED}) ends in the bits of the quiet run`, async ({
  annotate,
}) => {
  const { exit, stdout, stderr } = await shoal(
    [...run("everything"), "--kill-every", "1500ms", "--for", "30s"],
    env,
  );
  await annotate(stderr);
  const report = parseLines(stdout).at(-1)!;
  expect(report).toMatchObject({
    event: "chaos",
    isHashEqual: true,
    isLedgerConsistent: true,
    ledgerFaults: [],
    surprises: [],
    held: true,
  });
  expect(exit).toBe(0);
  // Each kind comes once before any comes again: all of them, in the first half of the run.
  const kinds = ["kill", "stop", "term", "coordinator", "cut", "stall", "delay", "corrupt"];
  expect(Object.keys(report.faults as object).sort()).toEqual(kinds.sort());
  const metrics = parseLines(
    readFileSync(join(directory, "everything", "chaos", "run", "metrics.jsonl"), "utf8"),
  );
  const steps = metrics.filter((metric) => "type" in metric && metric.type === "step");
  expect(steps.map(({ step }) => step)).toEqual(
    Array.from({ length: Number(report.steps) }, (_, i) => i + 1),
  );
  for (const step of steps) expect(step.tasks).toBe(12);
}, 900_000);

test.runIf(process.platform === "linux")("Ctrl-C ends all of its processes", async () => {
  const chaos = new ShoalProcess(
    [...run("interrupted"), "--steps", "5000", "--quiet-hash", "0".repeat(64)],
    env,
  );
  await chaos.line(({ event }) => event === "fault", "a first fault");
  const children = readFileSync(`/proc/${chaos.pid}/task/${chaos.pid}/children`, "utf8").trim().split(" ");
  expect(children.length).toBeGreaterThanOrEqual(2);
  chaos.kill("SIGINT");
  expect((await chaos.ended).exit).toBe(130);
  for (const pid of children) expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
});
