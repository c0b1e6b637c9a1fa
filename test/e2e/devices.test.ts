import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tryDevice } from "@shoal/graph";
import { describe, expect, test } from "vitest";
import { doneOf, parseLines, shoal, temporaryDirectory } from "./shoal-process.ts";

const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };

/** Four steps of MAML on sinusoids, and the losses of its steps and tests. */
async function lossesOn(device: string): Promise<number[]> {
  const runDir = join(directory, device.replaceAll(",", "-"));
  const args = [
    ["train", "--preset", "sinusoid", "--steps", "4", "--meta-batch", "4", "--evaluate-every", "0"],
    ["--test-tasks", "4", "--test-steps", "2", "--workers", "1", "--device", device],
    ["--run-dir", runDir, "--json"],
  ].flat();
  const ended = await shoal(args, env);
  doneOf(ended);
  const ready = parseLines(ended.stdout).find(({ event }) => event === "worker-ready");
  expect(ready).toMatchObject({ device });
  const metrics = parseLines(readFileSync(join(runDir, "metrics.jsonl"), "utf8")) as unknown as {
    loss?: number;
    stats?: Record<string, { mean: number }>;
  }[];
  return metrics.map(({ loss, stats }) => loss ?? stats!["loss@2"]!.mean);
}

const gpus = await Promise.all(["webgpu", "cuda:0", "tensorflow"].map(tryDevice));

describe.each(gpus.map((gpu) => [gpu.state === "usable" ? gpu.device : gpu.reason, gpu] as const))(
  "shoal train on %s",
  (_, { device, state }) => {
    test.skipIf(state === "missing")("reaches the losses of the CPU", async () => {
      const [expected, losses] = [await lossesOn("cpu"), await lossesOn(device)];
      expect(losses).toHaveLength(6);
      for (const [i, loss] of losses.entries()) expect(loss / expected[i]!).toBeCloseTo(1, 3);
    });
  },
);

test("a device that is not there ends the run with its reason and the command that brings it", async () => {
  const missing = gpus.find(({ state }) => state === "missing");
  if (missing?.state !== "missing") return;
  const args = ["train", "--device", missing.device, "--run-dir", join(directory, "missing"), "--steps", "1"];
  const { exit, stdout, stderr } = await shoal(args, env);
  expect(exit).toBe(1);
  expect(stderr).toContain("no local worker is left, and none is started again");
  expect(stdout).toContain("(E_DEVICE)");
  expect(stdout).toContain(missing.command!);
});
