import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseExperiment } from "@shoal/core";
import { openTaskSource } from "@shoal/datasets";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { doneOf, parseLines, shoal, temporaryDirectory } from "./shoal-process.ts";
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

  test("train leaves a report that needs nothing beside itself, and report draws the curve alone", async () => {
    const page = readFileSync(join(run, "report.html"), "utf8");
    const { paramsHash } = JSON.parse(readFileSync(join(run, "summary.json"), "utf8"));
    expect(page).toContain(paramsHash);
    expect(page).toMatch(
      /24 test tasks, 5-way 1-shot, 1 query per class, 3 inner steps, .* data and split [0-9a-f]{12}/,
    );
    for (const tensor of ["conv1.weights", "head.weights"]) expect(page).toContain(`<th>${tensor}</th>`);
    // Three tasks of 5 support examples and 5 queries.
    expect(page.match(/<img alt="" src="data:image\/png;base64,/g)).toHaveLength(30);
    expect(page.match(/(src|href)="(?!data:)/g)).toBeNull();

    const [file, svg] = [join(directory, "again.html"), join(directory, "curve.svg")];
    expect((await shoal(["report", run, "--out", file, "--svg", svg])).exit).toBe(0);
    expect(readFileSync(svg, "utf8")).toMatch(/^<svg .*<\/svg>$/s);
    expect(readFileSync(file, "utf8")).toBe(page);
    const missing = await shoal(["report", join(directory, "none")]);
    expect(missing.exit).toBe(2);
    expect(missing.stderr).toContain("report: expected a run directory, got");
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

  test("adapt tells the classes of a person's own drawings, and how many are right", async () => {
    const { dataset, seed } = parseExperiment(JSON.parse(readFileSync(join(run, "experiment.json"), "utf8")));
    const episode = (await openTaskSource(dataset, { seed })).episode("test", 0);
    const draw = async (what: "support" | "query"): Promise<void> => {
      const { x, y } = episode[what];
      for (const [i, label] of y.entries()) {
        const folder = join(directory, what, `class ${label}`);
        mkdirSync(folder, { recursive: true });
        // Ink is black on paper, and 1 in the numbers.
        const pixels = Uint8Array.from(x.subarray(784 * i, 784 * (i + 1)), (ink) =>
          Math.round(255 * (1 - ink)),
        );
        await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } }).toFile(join(folder, `${i}.png`));
      }
    };
    await draw("support");
    await draw("query");
    const csv = join(directory, "predictions.csv");
    const folders = ["--support", join(directory, "support"), "--query", join(directory, "query")];
    const { exit, stdout } = await shoal(["adapt", run, ...folders, "--out", csv, "--json"]);
    expect(exit).toBe(0);
    const lines = parseLines(stdout);
    const rights = lines.filter((line) => line.event === "prediction" && line.predicted === line.class);
    expect(lines.at(-1)).toMatchObject({ event: "adapted", accuracy: rights.length / 5, inverted: [] });
    expect(readFileSync(csv, "utf8").split("\n")[0]).toBe(
      "file,predicted,probability,class,class 0,class 1,class 2,class 3,class 4",
    );
  });

  test("adapt refuses another number of classes than the last layer has, and says what to do", async () => {
    const three = join(directory, "three");
    for (const name of ["a", "b", "c"]) {
      mkdirSync(join(three, name), { recursive: true });
      const paper = { width: 9, height: 9, channels: 3 as const, background: "white" };
      await sharp({ create: paper }).toFile(join(three, name, "1.png"));
    }
    const { exit, stderr } = await shoal(["adapt", run, "--support", three, "--query", three]);
    expect(exit).toBe(2);
    expect(stderr).toMatch(/ways: expected 5, .* got 3; give 5 classes, or train one with --ways 3/);
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
