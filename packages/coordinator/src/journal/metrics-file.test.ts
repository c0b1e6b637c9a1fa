import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { nodeDisk } from "../node-disk.ts";
import { fillDiskFor, hasFullDisk } from "../testing/full-disk.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { type Metric, restoreMetrics } from "./metrics-file.ts";

const step = (number: number): Metric => ({ type: "step", step: number, loss: 1 / number });
const evaluation = (number: number): Metric => ({
  type: "evaluation",
  purpose: "validation",
  step: number,
  tasks: 10,
});
const textOf = (metrics: readonly Metric[]): string =>
  metrics.map((metric) => `${JSON.stringify(metric)}\n`).join("");

async function runWith(content: string): Promise<{ readonly path: string; readonly file: string }> {
  const path = await temporaryDirectory(onTestFinished);
  const file = join(path, "metrics.jsonl");
  await writeFile(file, content);
  return { path, file };
}

describe("metrics.jsonl", () => {
  test("goes back to the committed step: later steps are computed again", async () => {
    const before = [evaluation(0), step(1), step(2), evaluation(2)];
    const { path, file } = await runWith(textOf([...before, step(3), step(4), evaluation(4)]));
    expect(await restoreMetrics(nodeDisk, path, 2)).toEqual({ metrics: before, damagedLines: 0 });
    expect(await readFile(file, "utf8")).toBe(textOf(before));
  });

  test("gets the lines that the log has and a crash has kept from it, in their order", async () => {
    const whole = [evaluation(0), step(1), step(2), evaluation(2), step(3)];
    for (let lines = 0; lines <= whole.length; lines++) {
      const { path, file } = await runWith(textOf(whole.slice(0, lines)));
      await restoreMetrics(nodeDisk, path, 3, whole.slice(1));
      expect(await readFile(file, "utf8"), `${lines} lines`).toBe(textOf(whole.slice(lines === 0 ? 1 : 0)));
    }
  });

  test("loses the line that a killed process has not finished, and no other", async () => {
    const second = JSON.stringify(step(2));
    const { path, file } = await runWith("");
    for (let bytes = 0; bytes < second.length; bytes++) {
      await writeFile(file, textOf([step(1)]) + second.slice(0, bytes));
      const restored = await restoreMetrics(nodeDisk, path, 2);
      expect(restored, `${bytes} bytes`).toEqual({ metrics: [step(1)], damagedLines: 0 });
    }
  });

  test("with a damaged line in its middle is kept under another name, and told", async () => {
    const damaged = `${textOf([step(1)])}{"type":"st\u0000p"\n${textOf([step(3)])}`;
    const { path, file } = await runWith(damaged);
    expect(await restoreMetrics(nodeDisk, path, 3, [step(2)])).toEqual({
      metrics: [step(1), step(2), step(3)],
      damagedLines: 1,
    });
    expect(await readFile(`${file}.damaged`, "utf8")).toBe(damaged);
  });

  test("may be missing, for a run that was killed before its first step", async () => {
    const path = await temporaryDirectory(onTestFinished);
    expect((await restoreMetrics(nodeDisk, path, 0)).metrics).toEqual([]);
  });

  test("that cannot be read is not thrown away", async () => {
    const path = await temporaryDirectory(onTestFinished);
    await mkdir(join(path, "metrics.jsonl"));
    await expect(restoreMetrics(nodeDisk, path, 0)).rejects.toMatchObject({ code: "EISDIR" });
  });

  test.runIf(hasFullDisk)("stays as it was when there is no room to rewind it", async () => {
    const { path, file } = await runWith(textOf([step(1), step(2)]));
    await fillDiskFor(file);
    await expect(restoreMetrics(nodeDisk, path, 1)).rejects.toMatchObject({ code: "ENOSPC" });
    expect(await readFile(file, "utf8")).toBe(textOf([step(1), step(2)]));
  });
});
