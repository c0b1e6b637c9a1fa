import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseExperiment } from "@shoal/core";
import { openTaskSource } from "@shoal/datasets";
import { beforeAll, describe, expect, test } from "vitest";
import { doneOf, shoal, temporaryDirectory } from "./shoal-process.ts";
import { smallRun } from "./small-run.ts";

const plainRuntime = fileURLToPath(new URL("plain-onnx-runtime.mjs", import.meta.url));

describe("after training", () => {
  const directory = temporaryDirectory();
  const run = join(directory, "run");

  beforeAll(async () => {
    doneOf(await shoal(["train", ...smallRun(10), "--run-dir", run]));
  }, 240_000);

  test("an exported graph gives in plain ONNX Runtime the accuracy that evaluate measures", async () => {
    const model = join(directory, "model.onnx");
    expect((await shoal(["export", run, "--format", "onnx", "--out", model])).exit).toBe(0);
    const evaluated = doneOf(await shoal(["evaluate", run, "--tasks", "24", "--workers", "1", "--json"]));

    const { dataset, seed } = parseExperiment(JSON.parse(readFileSync(join(run, "experiment.json"), "utf8")));
    const source = await openTaskSource(dataset, { seed });
    // Evaluation takes episodes 0 ... tasks - 1 of its split.
    const episodes = Array.from({ length: 24 }, (_, index) => source.episode("test", index));
    const file = join(directory, "episodes.json");
    const plain = episodes.map(({ support, query }) => ({
      image: 28,
      support: [...support.x],
      labels: [...support.y],
      query: [...query.x],
    }));
    writeFileSync(file, JSON.stringify(plain));
    const answers = JSON.parse(
      execFileSync(process.execPath, [plainRuntime, model, file], { encoding: "utf8" }),
    ) as number[][];

    const rights = episodes.map(
      ({ query: { y } }, k) => answers[k]!.filter((label, i) => label === y[i]).length,
    );
    const queries = episodes[0]!.query.y.length;
    const accuracy = rights.reduce((sum, right) => sum + right, 0) / (24 * queries);
    // Means of the same 24 counts; evaluate sums float32 shares.
    expect((evaluated.test as { accuracy: number }).accuracy).toBeCloseTo(accuracy, 6);
  });

  test("exported tensors carry the run's names and parameters", async () => {
    const file = join(directory, "model.safetensors");
    expect((await shoal(["export", run, "--out", file])).exit).toBe(0);
    const bytes = readFileSync(file);
    // The format: the header's length as uint64, the header as JSON, the values.
    const headerBytes = Number(bytes.readBigUInt64LE(0));
    const { __metadata__: metadata, ...tensors } = JSON.parse(
      bytes.subarray(8, 8 + headerBytes).toString(),
    ) as Record<string, Record<string, unknown>>;
    expect(Object.values(tensors).every(({ dtype }) => dtype === "F32")).toBe(true);
    expect(Object.keys(tensors)).toContain("head.weights");
    const summary = JSON.parse(readFileSync(join(run, "summary.json"), "utf8"));
    expect(metadata!.paramsHash).toBe(summary.paramsHash);
    expect(parseExperiment(JSON.parse(metadata!.experiment as string)).name).toBe("quickstart");
  });

  test.each([
    [
      ["--format", "onnx", "--ways", "3"],
      /ways: expected 5, the classes that the last layer .* got 3; give 5/,
    ],
    [["--ways", "5"], /--ways: expected with --format onnx only/],
    [["--format", "onnx", "--test-batch-norm", "both"], /expected transductive or inductive, got both/],
    [["--format", "onnx", "--out", "/nowhere/model.onnx"], /--out: cannot write \/nowhere\/model.onnx/],
  ])("export %j is refused with what to do", async (args, message) => {
    const { exit, stderr } = await shoal(["export", run, ...args]);
    expect(exit).toBe(2);
    expect(stderr).toMatch(message);
    expect(stderr.match(/^error: .*$/gm)).toHaveLength(1);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});
