import { join } from "node:path";
import { algorithms } from "@shoal/core";
import { describe, expect, test } from "vitest";
import { doneOf, parseLines, ShoalProcess, shoal, temporaryDirectory } from "./shoal-process.ts";

const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };

const train = (algorithm: string, name: string, ...more: string[]): ShoalProcess =>
  new ShoalProcess(
    [
      ["train", "--preset", "quickstart", "--algorithm", algorithm, "--filters", "4"],
      ["--meta-batch", "6", "--steps", "5", "--evaluate-every", "0", "--test-tasks", "6", "--json"],
      ["--threads", "1", "--run-dir", join(directory, `${algorithm}-${name}`), ...more],
    ].flat(),
    env,
  );

describe.each(algorithms.map(({ name }) => name))("%s", (name) => {
  test("ends in the same bits with one worker and with two", async () => {
    const [one, two] = [train(name, "one", "--workers", "1"), train(name, "two", "--workers", "2")];
    const { paramsHash, test } = doneOf(await one.ended);
    expect(paramsHash).toMatch(/^[0-9a-f]{64}$/);
    expect(doneOf(await two.ended)).toMatchObject({ paramsHash, test });
  });
});

describe("an outer rate that falls", () => {
  const falling = ["--steps", "30", "--test-steps", "2", "--checkpoint-every", "5"];

  test("goes on where it was when the run is interrupted and resumed", async () => {
    const quiet = doneOf(await train("reptile", "quiet", ...falling).ended);
    const interrupted = train("reptile", "interrupted", ...falling);
    await interrupted.line(({ event, step }) => event === "step" && Number(step) >= 8, "step 8");
    interrupted.kill("SIGINT");
    expect((await interrupted.ended).exit).toBe(130);
    const resumed = await shoal(
      ["train", "--run-dir", join(directory, "reptile-interrupted"), "--resume", "--json"],
      env,
    );
    expect(doneOf(resumed).paramsHash).toBe(quiet.paramsHash);
  });

  test("has ended where the run first meant to end, when it is resumed for more steps", async () => {
    const run = [
      "train",
      "--run-dir",
      join(directory, "reptile-quiet"),
      "--resume",
      "--steps",
      "33",
      "--json",
    ];
    const { stdout, exit } = await shoal(run, env);
    expect(exit).toBe(0);
    const configuration = parseLines(stdout).find(({ event }) => event === "configuration")!;
    expect(configuration.experiment).toMatchObject({
      steps: 33,
      outer: { schedule: { type: "linear", final: 0, steps: 30 } },
    });
  });
});
