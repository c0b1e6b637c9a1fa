import { join } from "node:path";
import { expect, test } from "vitest";
import { doneOf, parseLines, shoal, temporaryDirectory } from "./shoal-process.ts";

const directory = temporaryDirectory();
const env = { SHOAL_CACHE_DIR: join(directory, "cache") };

/** The network of the preset sinusoid: 1-40-40-1, with biases. */
const PARAMETERS = 40 + 40 + (40 * 40 + 40) + (40 + 1);

/** Trains for six steps; what it ended with, and how many bytes of results came in each step. */
async function train(name: string, ...more: string[]) {
  const run = [
    "--preset",
    "sinusoid",
    "--steps",
    "6",
    "--evaluate-every",
    "0",
    "--test-tasks",
    "8",
    "--json",
  ];
  const options = ["--threads", "1", "--run-dir", join(directory, name)];
  const ended = await shoal(["train", ...run, ...options, ...more], env);
  const { paramsHash, test } = doneOf(ended);
  const lines = parseLines(ended.stdout);
  const received = lines.filter(({ event }) => event === "step").map((step) => step.receivedBytes);
  const experiment = lines.find(({ event }) => event === "configuration")?.experiment;
  return { outcome: { paramsHash, test }, received, experiment };
}

test("with bf16 on the wire, one worker and two end in the same bits, and in others than with f32", async () => {
  const [exact, one, two] = await Promise.all([
    train("exact", "--workers", "1"),
    train("one", "--workers", "1", "--wire", "bf16"),
    train("two", "--workers", "2", "--wire", "bf16"),
  ]);
  expect(two.outcome).toEqual(one.outcome);
  expect(one.outcome.paramsHash).not.toBe(exact.outcome.paramsHash);
  expect(one.experiment).toEqual({ ...(exact.experiment as object), wire: "bf16" });
});

test("a leaf's gradient takes half the bytes with bf16", async () => {
  // One leaf per step: its gradient travels alone. Its tasks have a row of statistics each, which stay whole.
  const alone = ["--workers", "1", "--meta-batch", "4", "--tasks-per-leaf", "4"];
  const [exact, rounded] = await Promise.all([
    train("alone-exact", ...alone),
    train("alone-rounded", ...alone, "--wire", "bf16"),
  ]);
  const statBytes = Number(exact.received[0]) - 4 * PARAMETERS;
  expect(exact.received).toEqual(Array(6).fill(statBytes + 4 * PARAMETERS));
  // 1,761 halves in 881 places.
  expect(rounded.received).toEqual(Array(6).fill(statBytes + 4 * Math.ceil(PARAMETERS / 2)));
});
