// Your own tasks: lines y = a x + b with a slope and an offset per task, from a module of your own, trained
// by a coordinator and a worker over a real socket.

import assert from "node:assert/strict";
import { isMainThread } from "node:worker_threads";
import { startCoordinator } from "@shoal/coordinator";
import { evaluateProgram, initialParams, modelLayout, presets, trainProgram } from "@shoal/core";
import { createOptimizer, createRandom } from "@shoal/core/outer";
import { runWorker } from "@shoal/worker";

const splits = { train: 0, validation: 1, test: 2 };

/** Called in each worker's episode thread, which imports this file: from an experiment to its tasks. */
export async function openTaskSource({ seed, dataset }) {
  const spec = (n) => ({ x: { shape: [n, 1], dtype: "float32" }, y: { shape: [n, 1], dtype: "float32" } });
  return {
    name: "lines",
    problem: { type: "regression", outputs: 1 },
    dataHash: "lines-1",
    description: "lines with a slope and an offset per task",
    spec: () => ({ support: spec(dataset.shots), query: spec(dataset.queries) }),
    // A pure function of seed, split and index: every worker builds the same task.
    episode(split, index) {
      const random = createRandom(seed, splits[split], index);
      const [slope, offset] = [4 * random.uniform() - 2, 2 * random.uniform() - 1];
      const examples = (n) => {
        const x = Float32Array.from({ length: n }, () => 2 * random.uniform() - 1);
        return { x, y: x.map((value) => slope * value + offset) };
      };
      return { support: examples(dataset.shots), query: examples(dataset.queries) };
    },
  };
}

if (isMainThread) {
  const { experiment } = presets.find(({ name }) => name === "sinusoid");
  const source = await openTaskSource(experiment);
  const layout = modelLayout(experiment, source);
  const outer = createOptimizer({ ...experiment.outer, rate: 0.01 });
  const training = { type: "train", steps: 200, metaBatch: 25, tasksPerLeaf: 1, outer, clip: null };
  const tests = { evaluateEvery: 0, validationTasks: 25, testTasks: 100 };
  const checkpoints = { checkpointEverySteps: 1000, checkpointEveryMs: 60_000 };
  const coordinator = await startCoordinator({
    experiment,
    runId: "lines",
    incarnation: 1,
    layout,
    dataHash: source.dataHash,
    start: {
      step: 0,
      params: initialParams(experiment, source),
      optimizer: outer.init(layout.size),
      evaluations: [],
    },
    plan: { ...training, ...tests, ...checkpoints },
    statNames: {
      train: trainProgram(experiment, source).statNames,
      evaluate: evaluateProgram(experiment, source, "test").statNames,
    },
    runDirectory: null,
    workersMin: 1,
    listen: { host: "127.0.0.1", port: 0 },
    scopes: { worker: { type: "open" }, observer: { type: "closed" }, admin: { type: "closed" } },
    onEvent: () => {},
  });
  const worker = runWorker({
    url: coordinator.url,
    version: "example",
    devices: [{ name: "cpu", threads: 1 }],
    taskSourceModule: import.meta.url,
    taskSourceOptions: null,
    reconnectForMs: 10_000,
  });
  const { evaluations, paramsHash } = await coordinator.finished;
  await worker;
  const [before, after] = evaluations.map(({ stats }) => stats["loss@10"].mean);
  console.log(`loss after 10 inner steps: ${before.toFixed(4)} -> ${after.toFixed(4)}; ${paramsHash}`);
  assert(after < before / 2);
}
