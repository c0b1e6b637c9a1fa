import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRecordedRun } from "./recorded-run.ts";

const step = (number: number): string => JSON.stringify({ type: "step", step: number, loss: 1 });
const tested = (purpose: string): string =>
  JSON.stringify({ type: "evaluation", purpose, step: 0, stats: {} });

test("a directory with nothing but checkpoints is read, and what it lacks is named", async () => {
  const path = await mkdtemp(join(tmpdir(), "shoal-recorded-"));
  const { steps, missing } = await readRecordedRun(path, 1_200);
  expect(steps).toEqual([]);
  expect(missing).toEqual([
    "the learning curve and all tests: metrics.jsonl is not there",
    "time and speed: there is no summary.json before a run has ended",
  ]);
});

test("damaged lines, lost steps and a damaged summary are told, and the rest is used", async () => {
  const path = await mkdtemp(join(tmpdir(), "shoal-recorded-"));
  const lines = [tested("test-before"), step(1), '{"type":"st', step(3), tested("test-after")];
  await writeFile(join(path, "metrics.jsonl"), `${lines.join("\n")}\n{"type":"step","step":4`);
  await writeFile(join(path, "summary.json"), "{");
  const { steps, evaluations, missing } = await readRecordedRun(path, 3);
  expect(steps.map((metric) => metric.step)).toEqual([1, 3]);
  expect(evaluations.map(({ purpose }) => purpose)).toEqual(["test-before", "test-after"]);
  expect(missing).toEqual([
    "damaged lines of metrics.jsonl: 1 (shoal verify says more)",
    "1 of 3 steps, which metrics.jsonl does not hold",
    "time and speed: summary.json is damaged",
  ]);
});

test("nothing is missing from a run that is whole", async () => {
  const path = await mkdtemp(join(tmpdir(), "shoal-recorded-"));
  const lines = [tested("test-before"), step(1), step(2), tested("test-after")];
  await writeFile(join(path, "metrics.jsonl"), `${lines.join("\n")}\n`);
  await writeFile(join(path, "summary.json"), '{"seconds":1}');
  const { summary, missing } = await readRecordedRun(path, 2);
  expect([summary, missing]).toEqual([{ seconds: 1 }, []]);
});
