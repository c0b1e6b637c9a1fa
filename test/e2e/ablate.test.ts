import { join } from "node:path";
import { expect, test } from "vitest";
import { type Line, parseLines, ShoalProcess, temporaryDirectory } from "./shoal-process.ts";

const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };
const runDir = join(directory, "ablation");

const ablate = (...more: string[]): ShoalProcess =>
  new ShoalProcess(
    [
      [
        "ablate",
        "--preset",
        "sinusoid",
        "--inner-lr",
        "0.01",
        "--steps",
        "3",
        "--meta-batch",
        "4",
        "--test-tasks",
        "8",
      ],
      ["--evaluate-every", "0", "--workers", "1", "--threads", "1", "--run-dir", runDir, "--json", ...more],
    ].flat(),
    env,
  );

const runsOf = (lines: readonly Line[]): readonly Line[] =>
  lines.filter(({ event }) => event === "ablation-run");

test("an ablation that is interrupted goes on where it was, and ends in a table", async () => {
  const first = ablate();
  await first.line(
    ({ event, name }) => event === "ablation-run" && name === "maml+cosine",
    "the last of MAML",
  );
  first.kill("SIGINT");
  expect((await first.ended).exit).toBe(130);

  const { exit, stdout, stderr } = await ablate().ended;
  expect(exit).toBe(0);
  const lines = parseLines(stdout);
  // MAML and each of the six parts but the cosine were done; the run that was interrupted was resumed.
  expect(runsOf(lines).map(({ isDone }) => isDone)).toEqual(Array.from({ length: 14 }, (_, i) => i < 6));
  const results = lines.filter(({ event }) => event === "ablation-result");
  expect(results).toHaveLength(14);
  const hashOf = (name: string) => results.find((result) => result.name === name)!.paramsHash;
  // A network of numbers has no batch norm: the two parts about it change nothing. Learned rates do.
  expect(hashOf("maml+norm-weights")).toBe(hashOf("maml"));
  expect(hashOf("maml+learned-rates")).not.toBe(hashOf("maml"));
  expect(hashOf("maml++-without-cosine")).not.toBe(hashOf("maml++"));
  expect(stderr).toMatch(/^run +seed +test loss +time +parameters +directory$/m);

  // Done: nothing is computed again.
  const again = await ablate().ended;
  expect(runsOf(parseLines(again.stdout)).every(({ isDone }) => isDone)).toBe(true);
  const other = await ablate("--seed", "1", "--steps", "4").ended;
  expect(other.exit).not.toBe(0);
  expect(other.stderr).toContain("holds the run of another experiment");
}, 600_000);
