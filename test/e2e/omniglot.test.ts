import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { doneOf, parseLines, shoal, temporaryDirectory } from "./shoal-process.ts";

const variable = "SHOAL_OMNIGLOT_DIR";
const data = process.env[variable] ?? "";

// Real Omniglot is no part of the repository.
describe.skipIf(data === "")(`Omniglot (skipped where ${variable} does not name its directory)`, () => {
  const directory = temporaryDirectory();
  const env = { SHOAL_CACHE_DIR: join(directory, "cache"), [variable]: "" };

  test("is packed once, with the content that its authors published", async () => {
    const first = await shoal(["data", "prepare", "omniglot", "--data", data, "--json"], env);
    const stores = parseLines(first.stdout).filter(({ event }) => event === "store");
    expect(stores).toContainEqual(expect.objectContaining({ classes: 1623, images: 32_460 }));
    const verified = await shoal(["data", "verify", "omniglot", "--data", data], env);
    expect(verified.exit).toBe(0);
    // The packs are used without the archives.
    const listed = await shoal(["data", "list"], env);
    expect(listed.stdout).toMatch(/omniglot.*\n.*: packed, /);
  });

  test("is learned: after 80 steps the accuracy is above its start", async () => {
    const args = [
      ["train", "--preset", "quickstart", "--dataset", "omniglot", "--data", data],
      ["--steps", "80", "--evaluate-every", "0", "--test-tasks", "200"],
      ["--run-dir", join(directory, "run"), "--json"],
    ].flat();
    const ended = await shoal(args, env);
    const done = doneOf(ended);
    const [before, after] = parseLines(ended.stdout)
      .filter(({ event }) => event === "evaluation")
      .map(({ evaluation }) => evaluation as { stats: Record<string, { mean: number; ci95: number }> })
      .map(({ stats }) => stats["accuracy@3"]!);
    expect(after!.mean - after!.ci95).toBeGreaterThan(before!.mean + before!.ci95);
    expect(done.test).toMatchObject({ accuracy: after!.mean, tasks: 200, bn: "transductive", queries: 1 });
    expect(JSON.parse(readFileSync(join(directory, "run", "summary.json"), "utf8"))).toEqual(done);
  });
});
