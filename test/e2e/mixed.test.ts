import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { doneOf, shoal, temporaryDirectory } from "./shoal-process.ts";

/** Two- and four-way episodes of glyphs and of a folder of coloured squares. */
const dataset = {
  source: "mixed",
  sources: [
    { source: "glyphs" },
    { source: "images", name: "squares", trainShare: 0.34, validationShare: 0.33 },
  ],
  ways: 4,
  fewerWays: [2],
  shots: 1,
  queries: 2,
  evaluationQueries: 2,
  imageSide: 28,
  channels: 1,
  normalization: "unit",
};

describe("a mixture of data sets with several ways and shots", () => {
  const directory = temporaryDirectory();
  const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
  const config = join(directory, "mixed.json");
  const run = (name: string, ...more: string[]): string[] =>
    [
      ["train", "--preset", "quickstart", "--config", config, "--data", directory, "--filters", "4"],
      ["--tasks-per-leaf", "2", "--meta-batch", "8", "--steps", "4", "--evaluate-every", "0"],
      ["--test-tasks", "16", "--json", "--threads", "1"],
      ["--run-dir", join(directory, name), ...more],
    ].flat();

  beforeAll(async () => {
    writeFileSync(config, JSON.stringify({ dataset }));
    for (let c = 0; c < 12; c++) {
      const folder = join(directory, "squares", `class${c}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < 4; i++) {
        const background = { r: 20 * c, g: 255 - 20 * c, b: 60 * i };
        const image = sharp({ create: { width: 28, height: 28, channels: 3, background } });
        await image.png().toFile(join(folder, `${i}.png`));
      }
    }
  });

  test("ends in the same bits with one worker and with two, and tells the score of each data set", async () => {
    const one = doneOf(await shoal(run("one", "--workers", "1"), env));
    const two = doneOf(await shoal(run("two", "--workers", "2"), env));
    expect(two.paramsHash).toBe(one.paramsHash);
    expect(two.test).toEqual(one.test);
    const { parts } = one.test as { parts: Record<string, { accuracy: number; tasks: number }> };
    expect(Object.keys(parts)).toEqual(["glyphs", "squares"]);
    expect(parts.glyphs!.tasks + parts.squares!.tasks).toBe(16);
    const report = readFileSync(join(directory, "one", "report.html"), "utf8");
    expect(report).toContain("<th>squares</th>");
    const verified = await shoal(["verify", join(directory, "one")], env);
    expect(verified.exit).toBe(0);
  });
});
