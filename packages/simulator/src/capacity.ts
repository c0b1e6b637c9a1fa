import type { TrainPlan } from "@shoal/coordinator";
import { createOuterOptimizer } from "@shoal/core/outer";
import { layout } from "./made-up-work.ts";
import type { Scenario } from "./scenario.ts";
import { type SimulateOptions, type SimulationReport, simulate } from "./simulate.ts";

/** A cluster and a run, as a person plans them. Times in ms. */
export interface Capacity {
  readonly seed: number;
  readonly workers: number;
  /** Compute threads per worker. */
  readonly threads: number;
  /** So many of the workers are so many times slower. */
  readonly slow: { readonly count: number; readonly factor: number };
  /** One task on one thread. */
  readonly taskMs: number;
  /** Time until a worker that was started has loaded its data and compiled. */
  readonly prepareMs: number;
  readonly tasksPerStep: number;
  readonly tasksPerLeaf: number;
  readonly steps: number;
  /** Floats of the model. */
  readonly params: number;
  /** One way. */
  readonly latencyMs: number;
  /** Of every network card, each way, in bit per s. */
  readonly bitsPerSecond: number;
  /** Infinite: never. */
  readonly workerMtbfMs: number;
  readonly coordinatorMtbfMs: number;
  readonly restartMs: number;
  /** Whether late blocks are computed a second time on idle workers. */
  readonly hedge: boolean;
}

export interface CapacityReport {
  readonly violations: readonly string[];
  /** From the first process's start to the end of the run. */
  readonly virtualMs: number;
  readonly stepsPerSecond: number;
  readonly stepMs: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Time that the steps take when every thread computes all the time, over the time that they took. */
  readonly efficiency: number;
  /** Compute time of all threads, and the shares of it that did not count. */
  readonly computeMs: number;
  /** Ended with its worker. */
  readonly shareKilled: number;
  /** A second copy, or too late. */
  readonly shareUnused: number;
  readonly workerKills: number;
  readonly coordinatorStarts: number;
  readonly leases: number;
  readonly bytesToWorkers: number;
  readonly bytesToCoordinator: number;
  readonly paramsHash: string | null;
  readonly simulation: SimulationReport;
}

/** Virtual time after which a run is given up, as a multiple of what it takes when nothing goes wrong. */
const PATIENCE = 100;

const CHECKPOINT_STEPS = 500;
const CHECKPOINT_MS = 60_000;

/** Time of a disk operation that waits for the disk, in ms: a cloud volume. */
const DISK_MS = 2;

/** Simulates a planned run on a planned cluster, with the coordinator and the agents that a real one has. */
export async function planCapacity(
  capacity: Capacity,
  options: SimulateOptions = {},
): Promise<CapacityReport> {
  const simulation = await simulate(scenarioOf(capacity), options);
  const { costs, stepMs, trainingMs } = simulation;
  const sorted = [...stepMs].sort((a, b) => a - b);
  const quantile = (q: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  const computeMs = costs.computedMs + costs.killedMs;
  return {
    violations: simulation.violations,
    virtualMs: simulation.virtualMs,
    stepsPerSecond: trainingMs === 0 ? 0 : capacity.steps / (trainingMs / 1000),
    stepMs: { p50: quantile(0.5), p99: quantile(0.99), max: sorted.at(-1) ?? 0 },
    efficiency: trainingMs === 0 ? 0 : (capacity.steps * idealStepMs(capacity)) / trainingMs,
    computeMs,
    shareKilled: computeMs === 0 ? 0 : costs.killedMs / computeMs,
    shareUnused: computeMs === 0 ? 0 : (costs.computedMs - costs.countedMs) / computeMs,
    workerKills: simulation.workerKills,
    coordinatorStarts: simulation.coordinatorStarts,
    leases: costs.leases,
    bytesToWorkers: costs.bytesToWorkers,
    bytesToCoordinator: costs.bytesToCoordinator,
    paramsHash: simulation.paramsHash,
    simulation,
  };
}

/** A step's time if every thread computed all the time and nothing had to travel, in ms. */
function idealStepMs({ workers, threads, slow, taskMs, tasksPerStep }: Capacity): number {
  const speed = (threads / taskMs) * (workers - slow.count + slow.count / slow.factor);
  return tasksPerStep / speed;
}

function scenarioOf(capacity: Capacity): Scenario {
  const { seed, workers, threads, slow, taskMs, prepareMs, latencyMs, steps, tasksPerLeaf } = capacity;
  const plan: TrainPlan = {
    type: "train",
    metaBatch: capacity.tasksPerStep,
    tasksPerLeaf,
    steps,
    evaluateEvery: 0,
    validationTasks: tasksPerLeaf,
    testTasks: tasksPerLeaf,
    outer: createOuterOptimizer({ outer: { type: "sgd", rate: 0.01 }, clip: null, steps }, layout),
    checkpointEverySteps: CHECKPOINT_STEPS,
    checkpointEveryMs: CHECKPOINT_MS,
  };
  const bytesPerMs = capacity.bitsPerSecond / 8 / 1000;
  // Each worker takes the parameters and sends a gradient or more per step, all through one network card.
  const wireMs = (8 * 4 * capacity.params * workers) / bytesPerMs;
  const usualMs = steps * (4 * idealStepMs(capacity) + wireMs + 10 * latencyMs + 1_000) + prepareMs;
  const spec = { slots: threads, prepareMs, clockRate: 1 };
  return {
    seed,
    plan,
    workers: Array.from({ length: workers }, (_, i) => ({
      ...spec,
      taskMs: taskMs * (i < slow.count ? slow.factor : 1),
    })),
    workersMin: 1,
    hedge: capacity.hedge,
    network: {
      latencyMs,
      jitterMs: latencyMs / 10,
      bytesPerMs,
      vectorBytesExtra: Math.max(0, 4 * (capacity.params - layout.size)),
    },
    diskMs: DISK_MS,
    coordinatorClockRate: 1,
    faults: [],
    failures: {
      workerMtbfMs: capacity.workerMtbfMs,
      coordinatorMtbfMs: capacity.coordinatorMtbfMs,
      restartMs: capacity.restartMs,
    },
    msMax: 3_600_000 + PATIENCE * usualMs,
  };
}
