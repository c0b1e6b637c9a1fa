import type { TrainPlan } from "@shoal/coordinator";
import { createOuterOptimizer, createRandom, type Random } from "@shoal/core/outer";
import { drawDrains, drawFaults, type Fault, type Trouble } from "./fault.ts";
import { layout } from "./made-up-work.ts";
import type { WorkerSpec } from "./worker-node.ts";

/** Everything that decides a simulation. */
export interface Scenario {
  readonly seed: number;
  readonly plan: TrainPlan;
  readonly workers: readonly WorkerSpec[];
  /** Workers to wait for before the first lease. */
  readonly workersMin: number;
  /** Whether late blocks are computed a second time on idle workers. Default: true. */
  readonly hedge?: boolean;
  readonly network: {
    /** One way, in ms. */
    readonly latencyMs: number;
    readonly jitterMs: number;
    /** Of every machine's network card, each way. */
    readonly bytesPerMs: number;
    /** Bytes of a vector of parameters that the wire carries on top of those that the simulation sends. */
    readonly vectorBytesExtra: number;
  };
  /** Time of one disk operation, in ms. */
  readonly diskMs: number;
  readonly coordinatorClockRate: number;
  /** In order of time. */
  readonly faults: readonly Fault[];
  /** Machines that fail at random for as long as the run takes; absent: none. */
  readonly failures?: Failures;
  /** How long the run may take, in virtual ms. */
  readonly msMax: number;
}

/** Machines that vanish without a word, and come back. */
export interface Failures {
  /** Mean time between failures of one worker's machine, and of the coordinator's, in ms; infinite: never. */
  readonly workerMtbfMs: number;
  readonly coordinatorMtbfMs: number;
  /** Time until a machine is there again, in ms. */
  readonly restartMs: number;
}

/** Plans with trees that are uneven on every level; few, so that their plain loops are computed once. */
const PLANS: readonly TrainPlan[] = [
  { metaBatch: 26, tasksPerLeaf: 2, steps: 6, evaluateEvery: 3, validationTasks: 10, testTasks: 14 },
  { metaBatch: 7, tasksPerLeaf: 1, steps: 9, evaluateEvery: 4, validationTasks: 5, testTasks: 3 },
  { metaBatch: 33, tasksPerLeaf: 1, steps: 4, evaluateEvery: 0, validationTasks: 4, testTasks: 17 },
  { metaBatch: 1, tasksPerLeaf: 1, steps: 12, evaluateEvery: 5, validationTasks: 1, testTasks: 2 },
].map((sizes, i) => ({
  ...sizes,
  type: "train",
  outer: createOuterOptimizer(
    {
      outer:
        i % 2 === 0
          ? { type: "adam", rate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
          : { type: "sgd", rate: 0.1 },
      clip: i % 2 === 0 ? 0.5 : null,
      steps: sizes.steps,
    },
    layout,
  ),
  checkpointEverySteps: 2 + i,
  checkpointEveryMs: 60_000,
}));

/** What a worker can be for good, so that a run with others must still complete. */
const BROKEN: readonly Trouble[] = ["not-a-number", "wrong-shape", "failure", "never", "liar"];

/** Virtual time in which a run must end, whatever is done to it, in ms: many times all deadlines. */
const MS_MAX = 4 * 3_600_000;

/** A run that meets much more than a run of its length would, drawn from a seed. */
export function drawScenario(seed: number): Scenario {
  const random = createRandom(seed, 1);
  const plan = PLANS[random.int(PLANS.length)]!;
  const workerCount = 1 + random.int(5);
  const taskMs = [1, 20, 200, 2_000][random.int(4)]!;
  const workers = Array.from({ length: workerCount }, (): WorkerSpec => {
    const isSlow = random.int(5) === 0;
    return {
      slots: 1 + random.int(3),
      taskMs: taskMs * (isSlow ? 2 + random.int(10) : 1),
      prepareMs: 50 + random.int(3_000),
      clockRate: 0.97 + 0.06 * random.uniform(),
    };
  });
  const somewhatBroken = breakOne(workers, createRandom(seed, 3));
  const latencyMs = [0.1, 2, 50, 400][random.int(4)]!;
  // The faults fall over the time that the run is expected to take, and somewhat more.
  const tasks = plan.steps * plan.metaBatch;
  const windowMs = 2_000 + 2 * ((tasks * taskMs) / workerCount + plan.steps * 20 * latencyMs);
  return {
    seed,
    plan,
    workers: somewhatBroken,
    workersMin: 1 + random.int(workerCount),
    network: {
      latencyMs,
      jitterMs: latencyMs * [0, 0.2, 2][random.int(3)]!,
      bytesPerMs: [10, 1_000, 125_000][random.int(3)]!,
      vectorBytesExtra: 0,
    },
    diskMs: [0.05, 2, 30][random.int(3)]!,
    coordinatorClockRate: 0.97 + 0.06 * random.uniform(),
    faults: [
      ...drawFaults(createRandom(seed, 2), {
        count: random.int(16),
        windowMs,
        workers: workerCount,
        // A block may fail a few times: not on broken hardware and on the healthy worker, too.
        blamedMax: somewhatBroken === workers ? 2 : 0,
      }),
      ...drawDrains(createRandom(seed, 4), { windowMs, workers: workerCount }),
    ].sort((a, b) => a.atMs - b.atMs),
    msMax: MS_MAX,
  };
}

/** In one run of five with several workers, one of them is broken hardware, and stays. */
function breakOne(workers: readonly WorkerSpec[], random: Random): readonly WorkerSpec[] {
  if (workers.length < 2 || random.int(5) > 0) return workers;
  const broken = BROKEN[random.int(BROKEN.length)]!;
  const at = random.int(workers.length);
  return workers.map((worker, i) => (i === at ? { ...worker, broken } : worker));
}

/** The same run with one worker, and nothing that goes wrong. */
export function quietScenario(scenario: Scenario): Scenario {
  const workers = [{ slots: 1, taskMs: 1, prepareMs: 10, clockRate: 1 }];
  return { ...scenario, workers, workersMin: 1, faults: [], coordinatorClockRate: 1 };
}
