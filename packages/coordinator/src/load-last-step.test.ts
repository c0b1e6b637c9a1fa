import { paramsHash } from "@shoal/core/outer";
import { expect, onTestFinished, test } from "vitest";
import { loadLastStep } from "./load-last-step.ts";
import { nodeDisk } from "./node-disk.ts";
import { plan, startDurableRun } from "./testing/durable-run.ts";
import { hashesAlone } from "./testing/simulated-run.ts";
import { temporaryDirectory } from "./testing/temporary-directory.ts";

const outerOf = () => plan.outer;

/** A run of seven steps with checkpoints of steps 4, 6 and 7, from which those after step 4 are gone. */
async function leftBehind(): Promise<string> {
  const path = await temporaryDirectory(onTestFinished);
  await (await startDurableRun({ disk: nodeDisk, path })).outcome;
  for (const step of [6, 7]) await nodeDisk.remove(`${path}/checkpoints/step-00000000${step}.json`);
  return path;
}

test("the last step of a run is that of its log, where the log is ahead of the checkpoint", async () => {
  const { checkpoint, savedStep } = await loadLastStep(await leftBehind(), { outerOf });
  expect({ savedStep, step: checkpoint.step }).toEqual({ savedStep: 4, step: 7 });
  expect(paramsHash(checkpoint.params)).toBe(hashesAlone()[7]);
});

test("a checkpoint that is named by its file is taken as it is", async () => {
  const file = `${await leftBehind()}/checkpoints/step-000000004.safetensors`;
  const { checkpoint, savedStep } = await loadLastStep(file, { outerOf });
  expect({ savedStep, step: checkpoint.step }).toEqual({ savedStep: 4, step: 4 });
});

test("a run that is whole is its last checkpoint, and reading changes no file", async () => {
  const path = await temporaryDirectory(onTestFinished);
  await (await startDurableRun({ disk: nodeDisk, path })).outcome;
  const before = await nodeDisk.list(`${path}/log`);
  const { checkpoint, savedStep } = await loadLastStep(path, { outerOf });
  expect({ savedStep, step: checkpoint.step }).toEqual({ savedStep: 7, step: 7 });
  expect(await nodeDisk.list(`${path}/log`)).toEqual(before);
});
