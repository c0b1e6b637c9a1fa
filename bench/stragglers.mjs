// What a straggler costs a step, in virtual time, with the coordinator's own state machine.
//
//   node bench/stragglers.mjs [--steps 400] [--seed 1]
//
// Eight workers of one slot; one of them three times slower. A task takes 1 s (3 s there), and 0.5 % of all
// computations stall: they take ten times as long. The wire takes 1 ms each way; a revoked block stops after the
// task that runs. Three policies: every worker gets its eighth of the tasks at the start of the step; leases
// without copies (--no-hedge); leases with copies. The same seed gives the same numbers on any machine.
//
// Efficiency is the time that the step would take if its work could be divided freely among all workers at their
// speeds (7 1/3 tasks a second), divided by the time that it took. Extra work is what was computed and not used.

import { parseArgs } from "node:util";
import { createRandom } from "@shoal/core/outer";
import { initialRoundState, step } from "../packages/coordinator/dist/round.js";

const { values } = parseArgs({
  options: { steps: { type: "string", default: "400" }, seed: { type: "string", default: "1" } },
});
const steps = Number(values.steps);
const seed = Number(values.seed);

const TASK_MS = 1_000;
const SPEEDS = [1 / 3, 1, 1, 1, 1, 1, 1, 1];
const STALL_SHARE = 0.005;
const STALL_FACTOR = 10;
const WIRE_MS = 1;
const TICK_MS = 250;
/** Steps in which the speeds are learned; they are not counted. */
const WARM_UP = 5;

/** @typedef {{ atMs: number, order: number, run: () => void }} Appointment */

/** Virtual time: what is due runs in order of time, then of arrival. */
class Clock {
  nowMs = 0;
  /** @type {Appointment[]} */
  #due = [];
  #order = 0;

  /** @param {number} delayMs @param {() => void} run */
  after(delayMs, run) {
    this.#due.push({ atMs: this.nowMs + delayMs, order: this.#order++, run });
  }

  advance() {
    let first = 0;
    for (let i = 1; i < this.#due.length; i++) {
      const [a, b] = [this.#due[i], this.#due[first]];
      if (a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)) first = i;
    }
    const [next] = this.#due.splice(first, 1);
    this.nowMs = next.atMs;
    next.run();
  }
}

/**
 * A worker computes its leases one after the other, task by task.
 *
 * @typedef {{
 *   id: string, speed: number, random: import("@shoal/core/outer").Random,
 *   waiting: any[], running: { lease: any, isRevoked: boolean } | null,
 * }} Worker
 */

/** @param {Worker} worker */
function taskMs({ speed, random }) {
  return (TASK_MS / speed) * (random.uniform() < STALL_SHARE ? STALL_FACTOR : 1);
}

/** @param {number} index @returns {Worker} */
function createWorker(index) {
  const random = createRandom(seed, index);
  return { id: `w${index}`, speed: SPEEDS[index], random, waiting: [], running: null };
}

/** Steps by leases: times in ms, and the tasks computed in each. @param {number} tasks @param {boolean} hedge */
function runLeases(tasks, hedge) {
  const clock = new Clock();
  const workers = SPEEDS.map((_, index) => createWorker(index));
  const settings = {
    runId: "study",
    incarnation: 1,
    experiment: {},
    paramCount: 1,
    statCounts: { train: 1, evaluate: 1 },
    workersMin: workers.length,
    workerWaitMs: 1e12,
    prepareMs: 1e12,
    heartbeatMs: 1e12,
    silenceMs: 1e12,
    leaseMsMin: 10_000,
    leaseMsUnmeasured: 1e9,
    leavesUnmeasured: 1,
    inOrder: true,
    hedge,
    audit: 0,
  };
  let state = initialRoundState(settings, { version: 0, dataHash: null }, 0);
  let computed = 0;
  let version = 0;
  let startedMs = 0;
  /** @type {{ ms: number, computed: number }[]} */
  const done = [];

  /** @param {any} event */
  const dispatch = (event) => {
    const next = step(state, event, clock.nowMs);
    state = next.state;
    for (const command of next.commands) {
      if (command.type === "send") {
        const { workerId, message } = command;
        clock.after(WIRE_MS, () =>
          take(
            workers.find(({ id }) => id === workerId),
            message,
          ),
        );
      } else if (command.type === "complete") {
        done.push({ ms: clock.nowMs - startedMs, computed });
        version++;
        // After this event: a round starts when the one before is over.
        clock.after(0, start);
      } else if (command.type === "fail") {
        throw new Error(command.message);
      }
    }
  };
  const start = () => {
    startedMs = clock.nowMs;
    computed = 0;
    const spec = { number: version, purpose: "train", kind: "train", split: "train", version };
    dispatch({ type: "start", spec: { ...spec, firstEpisode: 0, taskCount: tasks, tasksPerLeaf: 1 } });
  };
  /** @param {Worker} worker @param {any} message */
  const take = (worker, message) => {
    if (message.type === "lease") worker.waiting.push(message);
    if (message.type === "revoke") {
      for (const leaseId of message.leaseIds) {
        if (worker.running?.lease.leaseId === leaseId) worker.running.isRevoked = true;
        const at = worker.waiting.findIndex((lease) => lease.leaseId === leaseId);
        if (at >= 0) say(worker, { type: "failed", ...revoked(worker.waiting.splice(at, 1)[0]) });
      }
    }
    begin(worker);
  };
  /** @param {any} lease */
  const revoked = ({ leaseId }) => ({
    message: { type: "failed", leaseId, code: "E_REVOKED", message: "stopped" },
  });
  /** @param {Worker} worker @param {any} event */
  const say = (worker, event) => clock.after(WIRE_MS, () => dispatch({ ...event, workerId: worker.id }));
  /** @param {Worker} worker */
  const begin = (worker) => {
    if (worker.running !== null || worker.waiting.length === 0) return;
    const lease = worker.waiting.shift();
    const running = { lease, isRevoked: false };
    worker.running = running;
    const first = lease.index * 2 ** lease.level;
    const count = Math.min(2 ** lease.level, lease.leafCount - first);
    const begunMs = clock.nowMs;
    /** @param {number} task */
    const compute = (task) => {
      const isDone = task === count;
      if (!isDone && !running.isRevoked) {
        computed++;
        clock.after(taskMs(worker), () => compute(task + 1));
        return;
      }
      worker.running = null;
      if (isDone) {
        const { leaseId, round, level, index } = lease;
        const counts = { taskCount: count, statCount: 1, computeMs: clock.nowMs - begunMs };
        const message = { type: "result", leaseId, round, version: lease.version, level, index, ...counts };
        say(worker, { type: "result", message, bodyFloats: count + 1, invalid: null });
      } else {
        say(worker, { type: "failed", ...revoked(lease) });
      }
      begin(worker);
    };
    compute(0);
  };
  const tick = () => {
    dispatch({ type: "tick" });
    clock.after(TICK_MS, tick);
  };

  for (const { id } of workers) {
    const hello = { type: "hello", protocolMin: 1, protocolMax: 1, name: id, version: "", host: "", pid: 0 };
    dispatch({ type: "hello", workerId: id, message: hello });
    const ready = { type: "ready", dataHash: "d", device: "cpu", slots: 1, paramCount: 1 };
    dispatch({ type: "ready", workerId: id, message: ready });
  }
  start();
  tick();
  while (done.length < steps + WARM_UP) clock.advance();
  return done.slice(WARM_UP);
}

/** Every worker computes its share, and the step waits for the last. @param {number} tasks */
function runStatic(tasks) {
  const workers = SPEEDS.map((_, index) => createWorker(index));
  return Array.from({ length: steps }, () => {
    const times = workers.map((worker) => {
      let ms = 2 * WIRE_MS;
      for (let task = 0; task < tasks / workers.length; task++) ms += taskMs(worker);
      return ms;
    });
    return { ms: Math.max(...times), computed: tasks };
  });
}

/** @param {number} tasks @param {{ ms: number, computed: number }[]} done */
function summarize(tasks, done) {
  const idealMs = (TASK_MS * tasks) / SPEEDS.reduce((a, b) => a + b);
  const sum = done.reduce((total, { ms }) => total + ms, 0);
  const sorted = done.map(({ ms }) => ms).toSorted((a, b) => a - b);
  const computed = done.reduce((total, one) => total + one.computed, 0);
  return {
    efficiency: (idealMs * done.length) / sum,
    p99: sorted[Math.floor(0.99 * sorted.length)] / TASK_MS,
    extra: computed / (tasks * done.length) - 1,
  };
}

console.log(`${steps} steps, seed ${seed}`);
console.log("| tasks | policy | efficiency | p99 step, s | extra work |");
console.log("| --- | --- | --- | --- | --- |");
for (const tasks of [32, 128]) {
  for (const [policy, done] of /** @type {const} */ ([
    ["static shards", runStatic(tasks)],
    ["leases, no copies", runLeases(tasks, false)],
    ["leases with copies", runLeases(tasks, true)],
  ])) {
    const { efficiency, p99, extra } = summarize(tasks, done);
    const percent = (/** @type {number} */ x) => `${(100 * x).toFixed(0)} %`;
    console.log(`| ${tasks} | ${policy} | ${percent(efficiency)} | ${p99.toFixed(1)} | ${percent(extra)} |`);
  }
}
