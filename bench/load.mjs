// Many workers over real sockets: steps per second and bytes per step of one coordinator.
//
//   node bench/load.mjs [--workers 256] [--processes 8] [--params 112000] [--tasks 256] [--task-ms 100] [--steps 50]
//                       [--relays 4]
//
// The coordinator is this process; the workers are agents of the worker package, many to a process, each with a
// socket of its own; with --relays they are divided among so many relays, each a process. What they compute is made up: a task takes its time and a gradient that depends on the
// episode alone, so that the sum can be checked against one worker's.

import assert from "node:assert";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startCoordinator } from "@shoal/coordinator";
import { createOptimizer, layoutParams, ReductionTree } from "@shoal/core/outer";
import { runWorker } from "@shoal/worker";
import { startRelay } from "../packages/cli/dist/relay/start-relay.js";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "256" },
    processes: { type: "string", default: "8" },
    params: { type: "string", default: "112000" },
    tasks: { type: "string", default: "256" },
    "task-ms": { type: "string", default: "100" },
    steps: { type: "string", default: "50" },
    relays: { type: "string", default: "0" },
    json: { type: "boolean", default: false },
  },
});
const paramCount = Number(values.params);
const taskMs = Number(values["task-ms"]);

/** Gradient of an episode: sizes over many powers of two, so that another order has another sum. */
function gradientOf(/** @type {number} */ episode) {
  return Float32Array.from({ length: paramCount }, (_, i) => {
    const bits = (Math.imul(episode + 1, 0x9e3779b1) ^ Math.imul(i + 1, 0x85ebca6b)) >>> 0;
    return (bits / 2 ** 32 - 0.5) * 2 ** ((bits % 16) - 8);
  });
}

/** Computes made-up blocks, one at a time. */
function createProgram() {
  return {
    dataHash: "load",
    description: "made-up tasks",
    paramCount,
    device: "cpu",
    slots: 1,
    openMs: 0,
    compileMs: 0,
    memoryBytes: 0,
    async buildEpisodes(/** @type {import("@shoal/worker").EpisodeRequest} */ { firstEpisode, taskCount }) {
      const none = new Float32Array(0);
      const supportY = Int32Array.from({ length: taskCount }, (_, task) => firstEpisode + task);
      return { supportX: none, supportY, queryX: none, queryY: none };
    },
    async compute(/** @type {import("@shoal/worker").BlockJob} */ { kind, episodes, leafCount }) {
      const taskCount = episodes.supportY.length;
      await new Promise((resolve) => setTimeout(resolve, taskMs * taskCount));
      const tree = new ReductionTree(leafCount, kind === "train" ? paramCount : 0);
      for (let leaf = 0; leaf < leafCount; leaf++) {
        const gradient = kind === "train" ? gradientOf(episodes.supportY[leaf] ?? 0) : new Float32Array(0);
        tree.add({ level: 0, index: leaf }, gradient);
      }
      const body = new Float32Array(taskCount + (kind === "train" ? paramCount : 0));
      body.set(tree.root(), taskCount);
      return { body, taskCount, statCount: 1, computeMs: taskMs * taskCount };
    },
    async close() {},
  };
}

/** The agents of one process. @param {string} url @param {number} count @param {string} processName */
async function work(url, count, processName) {
  const outcomes = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      runWorker({
        url,
        name: `${processName}-${i + 1}`,
        version: "load",
        devices: [],
        taskSourceModule: "",
        taskSourceOptions: null,
        reconnectForMs: 60_000,
        openProgram: async () => createProgram(),
      }),
    ),
  );
  const failed = outcomes.find(({ outcome }) => outcome !== "complete");
  if (failed !== undefined) throw new Error(failed.message);
}

/** A relay for `count` workers, as a process of its own. @param {string} url @param {number} count */
async function relay(url, count) {
  const open = /** @type {const} */ ({ type: "open" });
  const closed = /** @type {const} */ ({ type: "closed" });
  const { url: relayUrl, finished } = await startRelay({
    url,
    version: "load",
    reconnectForMs: 60_000,
    listen: { host: "127.0.0.1", port: 0 },
    scopes: { worker: open, observer: closed, admin: closed },
    workersMin: count,
    onEvent() {},
  });
  process.send?.(relayUrl);
  const { outcome, message } = await finished;
  if (outcome !== "complete") throw new Error(message);
}

/** This file as a process of another role. @param {string} role @param {string} url @param {number} count */
function start(role, url, count, name = role) {
  const env = { ...process.env, LOAD_ROLE: role, LOAD_URL: url, LOAD_COUNT: String(count), LOAD_NAME: name };
  return fork(fileURLToPath(import.meta.url), process.argv.slice(2), { env });
}

/** Part `i` of `count` in `parts` parts of almost one size. @param {number} count @param {number} parts */
function part(count, parts, i = 0) {
  return Math.floor(count / parts) + (i < count % parts ? 1 : 0);
}

/**
 * Trains with `workers` agents in `processes` processes, behind `relayCount` relays.
 *
 * @param {number} workers @param {number} processes @param {number} relayCount
 */
async function train(workers, processes, relayCount) {
  const steps = Number(values.steps);
  const outer = createOptimizer({ type: "sgd", rate: 1e-3 });
  /** @type {{ stepMs: number; coordinatorMs: number; sentBytes: number; receivedBytes: number }[]} */
  const seen = [];
  const coordinator = await startCoordinator({
    listen: { host: "127.0.0.1", port: 0 },
    scopes: { worker: { type: "open" }, observer: { type: "closed" }, admin: { type: "closed" } },
    experiment: { name: "load" },
    runId: "load",
    incarnation: 1,
    layout: layoutParams([{ name: "weights", shape: [paramCount] }]),
    dataHash: null,
    start: {
      step: 0,
      params: new Float32Array(paramCount),
      optimizer: outer.init(paramCount),
      evaluations: [],
    },
    plan: {
      type: "train",
      metaBatch: Number(values.tasks),
      tasksPerLeaf: 1,
      steps,
      evaluateEvery: 0,
      validationTasks: 1,
      testTasks: 1,
      outer,
      checkpointEverySteps: Number.POSITIVE_INFINITY,
      checkpointEveryMs: Number.POSITIVE_INFINITY,
    },
    statNames: { train: ["loss"], evaluate: ["loss@0"] },
    runDirectory: null,
    workersMin: relayCount === 0 ? workers : relayCount,
    workerWaitMs: 120_000,
    onEvent(event) {
      if (event.type === "step") seen.push(event);
    },
  });
  // Processes are dealt out to the relays in turn; a relay waits for all of its workers.
  const counts = Array.from({ length: processes }, (_, i) => part(workers, processes, i));
  const relays = Array.from({ length: relayCount }, (_, r) => {
    const count = counts.reduce((sum, own, i) => sum + (i % relayCount === r ? own : 0), 0);
    return start("relay", coordinator.url, count);
  });
  const urls = await Promise.all(relays.map(async (child) => String((await once(child, "message"))[0])));
  const agents = counts.map((count, i) =>
    start("work", urls[i % relayCount] ?? coordinator.url, count, `p${i + 1}`),
  );
  const children = [...relays, ...agents];
  const { type, paramsHash, message } = await coordinator.finished;
  if (type !== "complete") throw new Error(message);
  await Promise.all(children.filter(({ exitCode }) => exitCode === null).map((child) => once(child, "exit")));
  return { paramsHash, seen: seen.slice(Math.min(5, seen.length - 1)) };
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function main() {
  const workers = Number(values.workers);
  const relays = Number(values.relays);
  const alone = await train(1, 1, 0);
  const { paramsHash, seen } = await train(workers, Number(values.processes), relays);
  assert.equal(paramsHash, alone.paramsHash, "the same bits as one worker");
  const stepMs = median(seen.map((step) => step.stepMs));
  const row = {
    workers,
    relays,
    stepsPerSecond: 1000 / stepMs,
    coordinatorMsPerStep: median(seen.map(({ coordinatorMs }) => coordinatorMs)),
    sentMb: median(seen.map(({ sentBytes }) => sentBytes)) / 1e6,
    receivedMb: median(seen.map(({ receivedBytes }) => receivedBytes)) / 1e6,
    coordinatorRssMb: process.memoryUsage().rss / 1e6,
    paramsHash,
  };
  if (values.json) console.log(JSON.stringify(row));
  else {
    const behind = relays === 0 ? "" : ` behind ${relays} relays`;
    console.log(
      `${workers} workers${behind}, ${values.tasks} tasks of ${taskMs} ms, ${paramCount} parameters`,
    );
    console.log(`  ${row.stepsPerSecond.toFixed(2)} steps/s (median of ${seen.length} steps)`);
    console.log(`  ${row.coordinatorMsPerStep.toFixed(1)} ms of the coordinator per step`);
    console.log(`  ${row.sentMb.toFixed(1)} MB out and ${row.receivedMb.toFixed(1)} MB in per step`);
    console.log(`  coordinator at ${row.coordinatorRssMb.toFixed(0)} MB; the same parameters as one worker`);
  }
}

const { LOAD_ROLE, LOAD_URL = "", LOAD_COUNT, LOAD_NAME = "p" } = process.env;
if (LOAD_ROLE === undefined) await main();
else if (LOAD_ROLE === "relay") await relay(LOAD_URL, Number(LOAD_COUNT));
else await work(LOAD_URL, Number(LOAD_COUNT), LOAD_NAME);
