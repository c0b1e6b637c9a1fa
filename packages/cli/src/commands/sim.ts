import {
  type Capacity,
  type CapacityReport,
  drawScenario,
  planCapacity,
  shrink,
  simulate,
} from "@shoal/simulator";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { bytes, count, duration, percent } from "../format.ts";
import type { Values } from "../option-table.ts";
import { usageError } from "../usage-error.ts";

export const sim: Command = {
  name: "sim",
  summary:
    "Simulate a run on a cluster you plan, from a seed: the real coordinator and agents over a virtual " +
    "network, clock and disk, with made-up tasks. Says how fast it goes, what failures cost, and that the bits hold.",
  arguments: "",
  options: [
    "workers",
    "threads",
    "task-ms",
    "slow",
    "meta-batch",
    "tasks-per-leaf",
    "steps",
    "mtbf",
    "coordinator-mtbf",
    "restart-after",
    "prepare-for",
    "params",
    "latency",
    "bandwidth",
    "no-hedge",
    "seed",
    "storm",
    "seeds",
    "json",
  ],
  overrides: {
    workers: { help: "simulated workers", fallback: 16 },
    threads: { fallback: 1 },
    "meta-batch": { fallback: 256 },
    "tasks-per-leaf": { help: "tasks that one graph run computes", fallback: 1 },
    steps: { fallback: 100 },
    seed: { help: "same seed, same simulation", fallback: 1 },
  },
  example: "shoal sim --workers 64 --mtbf 10m --seed 7",
  run,
};

/** Lines of the trace that are shown of a seed that failed. */
const TRACE_LINES = 60;

async function run(invocation: Invocation): Promise<number> {
  return invocation.values.storm === true ? weather(invocation) : plan(invocation);
}

async function plan({ values, terminal, signal }: Invocation): Promise<number> {
  const capacity = capacityOf(values);
  const started = performance.now();
  const report = await planCapacity(capacity, {
    signal,
    onStep: (step, virtualMs) =>
      terminal.live(`step ${step} of ${capacity.steps}, ${duration(virtualMs)} of virtual time`),
  });
  terminal.clearLive();
  if (signal.aborted) return EXIT.interrupted;
  const realMs = performance.now() - started;
  for (const line of describe(capacity, report, realMs)) terminal.line(line);
  const { simulation: _, ...numbers } = report;
  terminal.json({ event: "sim", seed: capacity.seed, steps: capacity.steps, ...numbers, realMs });
  return report.violations.length === 0 ? EXIT.done : EXIT.failed;
}

/** @throws {ShoalError} E_USAGE if a value cannot be read, or more workers are slow than there are */
function capacityOf(values: Values): Capacity {
  const slow = /^(\d+):(\d+(?:\.\d+)?)$/.exec(values.slow ?? "0:1");
  const workers = values.workers!;
  if (slow === null || Number(slow[1]) > workers || Number(slow[2]) < 1) {
    throw usageError(
      `--slow: expected COUNT:FACTOR with at most ${workers} workers and a factor of 1 or more, such as 1:3, got ${values.slow}`,
    );
  }
  const rate = /^(\d+(?:\.\d+)?)(k|m|g)bit$/.exec(values.bandwidth!);
  if (rate === null || Number(rate[1]) === 0) {
    throw usageError(`--bandwidth: expected a rate such as 100mbit or 10gbit, got ${values.bandwidth}`);
  }
  const tasksPerLeaf = values["tasks-per-leaf"]!;
  const tasksPerStep = values["meta-batch"]!;
  if (tasksPerStep % tasksPerLeaf !== 0) {
    throw usageError(
      `--meta-batch: expected a multiple of --tasks-per-leaf (${tasksPerLeaf}), got ${tasksPerStep}`,
    );
  }
  return {
    seed: values.seed!,
    workers,
    threads: values.threads!,
    slow: { count: Number(slow[1]), factor: Number(slow[2]) },
    taskMs: values["task-ms"]!,
    prepareMs: values["prepare-for"]!,
    tasksPerStep,
    tasksPerLeaf,
    steps: values.steps!,
    params: values.params!,
    latencyMs: values.latency!,
    bitsPerSecond: Number(rate[1]) * { k: 1e3, m: 1e6, g: 1e9 }[rate[2] as "k" | "m" | "g"],
    workerMtbfMs: values.mtbf ?? Number.POSITIVE_INFINITY,
    coordinatorMtbfMs: values["coordinator-mtbf"] ?? Number.POSITIVE_INFINITY,
    restartMs: values["restart-after"]!,
    hedge: values["no-hedge"] !== true,
  };
}

function describe(capacity: Capacity, report: CapacityReport, realMs: number): readonly string[] {
  const { workers, threads, steps, slow, params, taskMs, tasksPerStep } = capacity;
  const { stepMs, virtualMs } = report;
  const slowly = slow.count === 0 ? "" : `, ${slow.count} of them ${slow.factor} times slower`;
  const starts = report.coordinatorStarts - 1;
  return [
    `${workers} workers with ${threads} thread${threads === 1 ? "" : "s"}${slowly}; ${count(tasksPerStep)} tasks of ${taskMs} ms ` +
      `per step, ${count(params)} parameters; seed ${capacity.seed}`,
    `time          ${duration(virtualMs)} for ${count(steps)} steps, simulated in ${duration(realMs)}`,
    `speed         ${report.stepsPerSecond.toFixed(2)} steps/s, ${(report.stepsPerSecond * tasksPerStep).toFixed(1)} tasks/s`,
    `step          p50 ${duration(stepMs.p50)}, p99 ${duration(stepMs.p99)}, longest ${duration(stepMs.max)}`,
    `efficiency    ${percent(report.efficiency)} of all threads computing all the time`,
    `compute       ${duration(report.computeMs)} of thread time; ${percent(report.shareKilled)} lost with a worker, ` +
      `${percent(report.shareUnused)} computed twice or too late`,
    `failures      ${count(report.workerKills)} of worker machines, ${count(starts)} of the coordinator's`,
    `network       ${bytes(report.bytesToWorkers)} to workers, ${bytes(report.bytesToCoordinator)} back, ${count(report.leases)} leases`,
    report.violations.length === 0
      ? `held          every task counted once per step, no wait without a deadline, and the bits of one worker: ${report.paramsHash?.slice(0, 12)}`
      : `BROKEN        ${report.violations.join("; ")}`,
  ];
}

/** Runs many seeds to which everything happens that can, and tells those that fail so that they can be replayed. */
async function weather({ values, given, terminal, signal }: Invocation): Promise<number> {
  const [first, seeds] = [values.seed!, values.seeds!];
  // A seed that is named alone is one to look at.
  const end = first + (given.has("seed") && !given.has("seeds") ? 1 : seeds);
  const started = performance.now();
  const failed: number[] = [];
  let virtualMs = 0;
  for (let seed = first; seed < end && !signal.aborted; seed++) {
    terminal.live(`seed ${seed}, ${failed.length} failed`);
    const report = await simulate(drawScenario(seed), { signal });
    virtualMs += report.virtualMs;
    if (report.violations.length === 0) continue;
    failed.push(seed);
    terminal.clearLive();
    await tellFailure(seed, terminal);
  }
  terminal.clearLive();
  if (signal.aborted) return EXIT.interrupted;
  const realMs = performance.now() - started;
  terminal.line(
    `${count(end - first)} seed${end - first === 1 ? "" : "s"} from ${first}, ${duration(virtualMs)} of virtual time in ${duration(realMs)}: ` +
      (failed.length === 0 ? "all ended in the bits of one worker" : `${failed.length} failed`),
  );
  terminal.json({ event: "storm", seed: first, seeds: end - first, failed, virtualMs, realMs });
  return failed.length === 0 ? EXIT.done : EXIT.failed;
}

/** The smallest story that fails, with its end. */
async function tellFailure(seed: number, terminal: Invocation["terminal"]): Promise<void> {
  const drawn = drawScenario(seed);
  const { scenario } = await shrink(await simulate(drawn));
  const { violations, trace } = await simulate(scenario, { isTraced: true });
  terminal.line(`seed ${seed}: ${violations[0]}`);
  terminal.line(
    `with ${scenario.faults.length} of its ${drawn.faults.length} faults: ${JSON.stringify(scenario.faults)}`,
  );
  for (const { atMs, who, what } of trace.slice(-TRACE_LINES)) {
    terminal.line(`${atMs.toFixed(1).padStart(12)} ${who.padEnd(12)} ${what}`);
  }
  terminal.line(`again: shoal sim --storm --seed ${seed}`);
  terminal.json({ event: "seed-failed", seed, violations, faults: scenario.faults });
}
