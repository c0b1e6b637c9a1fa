// What durability costs: the coordinator's own work per step, time until a step is durable, and a recovery.
//
//   node bench/durability.mjs [--params 112000] [--steps 100] [--directory DIR]
//
// A made-up worker in this process answers every lease at once, so that nothing but the coordinator works.

import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Run, RunDirectory, verifyRun } from "@shoal/coordinator";
import { createOptimizer, layoutParams } from "@shoal/core/outer";
import { createMemoryTransport } from "@shoal/protocol";

const { values } = parseArgs({
  options: {
    params: { type: "string", default: "112000" },
    steps: { type: "string", default: "100" },
    directory: { type: "string", default: tmpdir() },
  },
});
const paramCount = Number(values.params);
const steps = Number(values.steps);

const layout = layoutParams([{ name: "weights", shape: [paramCount] }]);
const outer = createOptimizer({ type: "adam", rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
const gradient = Float32Array.from({ length: paramCount }, (_, i) => Math.sin(i));

/** A run without workers but one, which computes nothing. @param {RunDirectory | null} runDirectory */
async function train(runDirectory) {
  let coordinatorMs = 0;
  const start = {
    step: 0,
    params: new Float32Array(paramCount),
    optimizer: outer.init(paramCount),
    evaluations: [],
  };
  const experiment = { name: "bench" };
  if (runDirectory !== null) {
    await runDirectory.writeExperiment(experiment);
    await runDirectory.save({ ...start, runId: "bench", layout, dataHash: null, experiment });
  }
  const run = new Run({
    experiment,
    runId: "bench",
    incarnation: 1,
    layout,
    dataHash: null,
    start,
    plan: {
      type: "train",
      metaBatch: 16,
      tasksPerLeaf: 1,
      steps,
      evaluateEvery: 0,
      validationTasks: 1,
      testTasks: 1,
      outer,
      checkpointEverySteps: Number.POSITIVE_INFINITY,
      checkpointEveryMs: Number.POSITIVE_INFINITY,
    },
    statNames: { train: ["loss"], evaluate: ["loss"] },
    runDirectory,
    workersMin: 1,
    onEvent: (event) => {
      if (event.type === "step") coordinatorMs += event.coordinatorMs;
    },
  });
  const finished = run.start();
  joinRun(run);
  const started = performance.now();
  const outcome = await finished;
  return { outcome, coordinatorMs: coordinatorMs / steps, ms: (performance.now() - started) / steps };
}

/** @param {Run} run */
function joinRun(run) {
  const [theirs, ours] = createMemoryTransport();
  ours.onMessage((message) => {
    if (message.type === "welcome") {
      ours.send({ type: "ready", dataHash: "data", device: "cpu", slots: 2, paramCount });
    } else if (message.type === "lease") {
      const { leaseId, round, version, level, index, kind } = message;
      const taskCount = Math.min(2 ** level, message.leafCount - index * 2 ** level);
      const body = new Float32Array(taskCount + (kind === "train" ? paramCount : 0));
      if (kind === "train") body.set(gradient, taskCount);
      const counts = { taskCount, statCount: 1, computeMs: 1 };
      ours.send({ type: "result", leaseId, round, version, level, index, ...counts }, body);
    } else if (message.type === "done") {
      ours.close(1000, "done");
    }
  });
  run.attach(theirs);
  const hello = { type: "hello", protocolMin: 1, protocolMax: 1, version: "0", host: "host", pid: 1 };
  ours.send({ ...hello, name: "made-up" });
}

/** @param {string} directory */
function bytesIn(directory) {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

const path = join(mkdtempSync(join(values.directory, "shoal-bench-")), "run");
try {
  await train(null);
  const without = await train(null);
  const runDirectory = await RunDirectory.open(path, { resume: false, runId: "bench" });
  const logged = await train(runDirectory);
  await runDirectory.close();
  const logBytes = bytesIn(join(path, "log"));
  // As a kill would have left it: without the checkpoint at the end.
  for (const name of readdirSync(join(path, "checkpoints"))) {
    if (!name.includes("000000000")) rmSync(join(path, "checkpoints", name));
  }
  const again = await RunDirectory.open(path, { resume: true, runId: "bench" });
  const recoverStart = performance.now();
  const { replayedSteps } = await again.recover(() => outer);
  const recoverMs = performance.now() - recoverStart;
  await again.close();
  const verifyStart = performance.now();
  const { isConsistent } = await verifyRun(path, { outerOf: () => outer });
  const verifyMs = performance.now() - verifyStart;
  const text = (/** @type {number} */ ms) => `${ms.toFixed(2)} ms`;
  console.log(`${paramCount} parameters, ${steps} steps, ${values.directory}`);
  console.log(
    `coordinator per step   ${text(without.coordinatorMs)} without a run directory, ${text(logged.coordinatorMs)} with`,
  );
  console.log(
    `steps one after another ${text(without.ms)} without, ${text(logged.ms)} with, log durable at the end`,
  );
  console.log(`log                    ${(logBytes / steps / 1000).toFixed(0)} kB per step`);
  console.log(
    `recovery               ${replayedSteps} steps in ${text(recoverMs)}; verified in ${text(verifyMs)}: ${isConsistent}`,
  );
} finally {
  rmSync(join(path, ".."), { recursive: true, force: true });
}
