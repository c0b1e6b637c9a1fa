// Many workers over real sockets: steps per second and bytes per step of one coordinator.
//
//   node bench/load.mjs [--workers 256] [--processes 8] [--params 112000] [--tasks 256] [--task-ms 100] [--steps 30]
//                       [--relays 4] [--wire bf16] [--deadline 600] [--json]
//   node --cpu-prof bench/load.mjs ...                    a profile of the coordinator's process alone
//
// The coordinator is this process; the workers are agents of the worker package, many to a process, each with a
// socket of its own; with --relays they are divided among so many relays, each a process. What they compute is made
// up: a task takes its time and no processor, and has a gradient that depends on its episode alone, so that the
// parameters can be compared with those of one worker, which runs first and takes no time for a task.
//
// While no step ends, what the coordinator waits for is told every 5 s; a process that ends early ends the test.

import assert from "node:assert";
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startCoordinator } from "@shoal/coordinator";
import { createOptimizer, layoutParams, ReductionTree, roundToBfloat16 } from "@shoal/core/outer";
import { runWorker } from "@shoal/worker";
import { startRelay } from "../packages/cli/dist/relay/start-relay.js";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "256" },
    processes: { type: "string", default: "8" },
    params: { type: "string", default: "112000" },
    tasks: { type: "string", default: "256" },
    "task-ms": { type: "string", default: "100" },
    steps: { type: "string", default: "30" },
    relays: { type: "string", default: "0" },
    wire: { type: "string", default: "f32" },
    deadline: { type: "string", default: "600" },
    json: { type: "boolean", default: false },
  },
});
const { LOAD_ROLE, LOAD_URL = "", LOAD_COUNT, LOAD_NAME = "p", LOAD_TASK_MS = "0" } = process.env;
const paramCount = Number(values.params);
const taskMs = Number(LOAD_TASK_MS);

/** Different gradients: windows into one table, so that they cost no more than a copy. */
const gradientCount = 4096;

/** Sizes over many powers of two, so that another order has another sum. */
const table = Float32Array.from({ length: paramCount + gradientCount }, (_, i) => {
  const bits = Math.imul(i + 1, 0x85ebca6b) >>> 0;
  return (bits / 2 ** 32 - 0.5) * 2 ** ((bits % 16) - 8);
});

// A leaf is one task.
if (values.wire === "bf16") roundToBfloat16(table);

function gradientOf(/** @type {number} */ episode) {
  const first = (Math.imul(episode + 1, 0x9e3779b1) >>> 0) % gradientCount;
  return table.slice(first, first + paramCount);
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

/**
 * This file as a process of another role.
 *
 * @param {{ role: string; url: string; count: number; name: string; ms: number }} part `ms`: time of a task
 */
function start({ role, url, count, name, ms }) {
  const own = { LOAD_ROLE: role, LOAD_URL: url, LOAD_COUNT: String(count), LOAD_NAME: name };
  const env = { ...process.env, ...own, LOAD_TASK_MS: String(ms) };
  return fork(fileURLToPath(import.meta.url), process.argv.slice(2), { env, execArgv: [] });
}

/** Part `i` of `count` in `parts` parts of almost one size. @param {number} count @param {number} parts */
function part(count, parts, i = 0) {
  return Math.floor(count / parts) + (i < count % parts ? 1 : 0);
}

/**
 * Trains with `workers` agents in `processes` processes, behind `relayCount` relays.
 *
 * @param {{ workers: number; processes: number; relayCount: number; ms: number }} layout `ms`: time of a task
 */
async function train({ workers, processes, relayCount, ms }) {
  const steps = Number(values.steps);
  const outer = createOptimizer({ type: "sgd", rate: 1e-3 });
  /** @type {{ stepMs: number; coordinatorMs: number; sentBytes: number; receivedBytes: number; cpuMs: number }[]} */
  const seen = [];
  let cpu = process.cpuUsage();
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
      if (event.type === "worker-left" && !isOver) console.error(`${event.worker} left: ${event.reason}`);
      if (event.type !== "step") return;
      const { user, system } = process.cpuUsage(cpu);
      cpu = process.cpuUsage();
      seen.push({ ...event, cpuMs: (user + system) / 1000 });
    },
  });
  let isOver = false;
  const stopWatching = watch(coordinator, () => `step ${seen.length} of ${steps}`);
  // Processes are dealt out to the relays in turn; a relay waits for all of its workers.
  const counts = Array.from({ length: processes }, (_, i) => part(workers, processes, i));
  const { url } = coordinator;
  /** @type {import("node:child_process").ChildProcess[]} */
  const children = [];
  const begin = (/** @type {Parameters<typeof start>[0]} */ role) => {
    const child = start(role);
    children.push(child);
    child.once("exit", (code, signal) => {
      if (code !== 0) coordinator.fail("E_LOAD", `process ${role.name} ended with ${code ?? signal}`);
    });
    return child;
  };
  try {
    const relays = Array.from({ length: relayCount }, (_, r) => {
      const count = counts.reduce((sum, own, i) => sum + (i % relayCount === r ? own : 0), 0);
      return begin({ role: "relay", url, count, name: `r${r + 1}`, ms });
    });
    const urls = await Promise.all(relays.map(async (child) => String((await once(child, "message"))[0])));
    for (const [i, count] of counts.entries()) {
      begin({ role: "work", url: urls[i % relayCount] ?? url, count, name: `p${i + 1}`, ms });
    }
    const ends = children.map((child) => once(child, "exit"));
    const { type, paramsHash, message } = await coordinator.finished;
    isOver = true;
    if (type !== "complete") throw new Error(message);
    await Promise.all(ends);
    return { paramsHash, seen: seen.slice(Math.min(5, seen.length - 1)) };
  } finally {
    stopWatching();
    for (const child of children) child.kill("SIGKILL");
  }
}

/**
 * Tells what is waited for while nothing goes on, and ends the test at its deadline.
 *
 * @param {import("@shoal/coordinator").Coordinator} coordinator @param {() => string} progress
 */
function watch(coordinator, progress) {
  const startedMs = performance.now();
  let last = "";
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const now = progress();
    const waits = now === last ? coordinator.waits().slice(0, 4) : [];
    last = now;
    console.error(`${seconds} s: ${now}`);
    for (const { waiter, what, reason, owner } of waits) {
      console.error(`  ${waiter} waits for ${what} of ${owner}: ${reason}`);
    }
    if (seconds >= Number(values.deadline)) coordinator.fail("E_LOAD", `not done after ${seconds} s`);
  }, 5_000);
  return () => clearInterval(timer);
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}

async function main() {
  const workers = Number(values.workers);
  const relays = Number(values.relays);
  const ms = Number(values["task-ms"]);
  const alone = await train({ workers: 1, processes: 1, relayCount: 0, ms: 0 });
  const { paramsHash, seen } = await train({
    workers,
    processes: Number(values.processes),
    relayCount: relays,
    ms,
  });
  assert.equal(paramsHash, alone.paramsHash, "the same bits as one worker");
  const row = {
    workers,
    relays,
    stepsPerSecond: 1000 / median(seen.map(({ stepMs }) => stepMs)),
    coordinatorMsPerStep: median(seen.map(({ coordinatorMs }) => coordinatorMs)),
    coordinatorCpuMsPerStep: median(seen.map(({ cpuMs }) => cpuMs)),
    sentMb: median(seen.map(({ sentBytes }) => sentBytes)) / 1e6,
    receivedMb: median(seen.map(({ receivedBytes }) => receivedBytes)) / 1e6,
    coordinatorRssMb: process.memoryUsage().rss / 1e6,
    paramsHash,
  };
  if (values.json) console.log(JSON.stringify(row));
  else {
    const behind =
      (relays === 0 ? "" : ` behind ${relays} relays`) + (values.wire === "bf16" ? ", bf16" : "");
    console.log(`${workers} workers${behind}, ${values.tasks} tasks of ${ms} ms, ${paramCount} parameters`);
    console.log(`  ${row.stepsPerSecond.toFixed(2)} steps/s (median of ${seen.length} steps)`);
    console.log(
      `  ${row.coordinatorMsPerStep.toFixed(1)} ms of the coordinator per step, ` +
        `${row.coordinatorCpuMsPerStep.toFixed(1)} ms of processor time with its sockets`,
    );
    console.log(`  ${row.sentMb.toFixed(1)} MB out and ${row.receivedMb.toFixed(1)} MB in per step`);
    console.log(`  coordinator at ${row.coordinatorRssMb.toFixed(0)} MB; the same parameters as one worker`);
  }
}

if (LOAD_ROLE === undefined) await main();
else if (LOAD_ROLE === "relay") await relay(LOAD_URL, Number(LOAD_COUNT));
else await work(LOAD_URL, Number(LOAD_COUNT), LOAD_NAME);
