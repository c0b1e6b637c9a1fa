import {
  createOuterOptimizer,
  createRandom,
  paramsHash,
  type Random,
  ReductionTree,
} from "@shoal/core/outer";
import type { CoordinatorEvent, Evaluation } from "../coordinator-event.ts";
import { outerStep } from "../outer-step.ts";
import type { TrainPlan } from "../plan.ts";
import { computeBlock, layout } from "./made-up-work.ts";
import { type Disk, SimulatedCoordinator } from "./simulated-coordinator.ts";
import { SimulatedLine } from "./simulated-line.ts";
import { SimulatedWorker } from "./simulated-worker.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** 13 leaves per step: the tree is uneven on every level. */
export const plan: TrainPlan = {
  type: "train",
  metaBatch: 26,
  tasksPerLeaf: 2,
  steps: 10,
  evaluateEvery: 4,
  validationTasks: 10,
  testTasks: 14,
  outer: createOuterOptimizer(
    {
      outer: { type: "adam", rate: 0.05, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      clip: 0.5,
      steps: 10,
    },
    layout,
  ),
  checkpointEverySteps: 3,
  checkpointEveryMs: Number.POSITIVE_INFINITY,
};

export const initialParams = Float32Array.of(1, -0.5, 0.25, 2, -1.5);

/** What is done to a run, apart from delays and second copies. */
const MISCHIEF = [
  "kill",
  "kill",
  "break",
  "break",
  "silence",
  "join",
  "stall",
  "crash",
  "hang",
  "not-a-number",
  "failure",
] as const;

/** A run ends after an hour, however hard it is hit. */
const MS_MAX = 3_600_000;

const WORKERS_MAX = 5;

/** Failures of blocks per run: fewer than end a run when they hit one block. */
const FAILURES_MAX = 2;

export interface SimulatedOutcome {
  readonly type: "complete" | "failed" | "endless";
  readonly message: string;
  readonly paramsHash: string;
  readonly evaluations: readonly Evaluation[];
  /** Versions that were stepped from, over all incarnations, in order. */
  readonly committed: readonly number[];
  readonly events: readonly CoordinatorEvent[];
  readonly incarnations: number;
  /** Second copies of blocks whose bits were compared, in the last incarnation. */
  readonly compared: number;
}

/**
 * Simulates a training run from its first worker to its end.
 *
 * @param seed decides workers, speeds, delays and mischief
 * @param mischiefCount how often something is done to the run
 */
export function simulate(seed: number, mischiefCount: number): SimulatedOutcome {
  return new SimulatedRun(seed, mischiefCount).run();
}

class SimulatedRun {
  readonly #clock = new VirtualClock();
  readonly #random: Random;
  readonly #events: CoordinatorEvent[] = [];
  readonly #committed: number[] = [];
  readonly #disk: Disk = {
    checkpoint: { step: 0, params: initialParams, optimizer: plan.outer.init(layout.size) },
    evaluations: [],
  };
  readonly #workersMin: number;
  readonly #hedge: boolean;
  readonly #audit: number;
  #workers: SimulatedWorker[] = [];
  #workerCount = 0;
  #lineCount = 0;
  #incarnation = 0;
  #failureCount = 0;
  readonly #seed: number;
  #coordinator: SimulatedCoordinator;

  constructor(seed: number, mischiefCount: number) {
    this.#seed = seed;
    this.#random = createRandom(seed, 1);
    const workers = mischiefCount === 0 ? 1 : 1 + this.#random.int(WORKERS_MAX);
    this.#workersMin = 1 + this.#random.int(workers);
    this.#hedge = this.#random.int(3) > 0;
    this.#audit = this.#random.int(3) === 0 ? 0.2 : 0;
    this.#coordinator = this.#startCoordinator();
    for (let i = 0; i < workers; i++) this.#addWorker();
    for (let i = 0; i < mischiefCount; i++) {
      this.#clock.after(this.#random.int(20_000), () => this.#doMischief());
    }
  }

  run(): SimulatedOutcome {
    while (this.#coordinator.outcome === null && this.#clock.nowMs < MS_MAX) this.#clock.advance();
    const { outcome, params, committed } = this.#coordinator;
    return {
      ...(outcome ?? { type: "endless", message: `not over after ${MS_MAX} ms` }),
      paramsHash: paramsHash(params),
      evaluations: this.#disk.evaluations,
      committed: [...this.#committed, ...committed],
      events: this.#events,
      incarnations: this.#incarnation,
      compared: this.#coordinator.compared,
    };
  }

  #startCoordinator(): SimulatedCoordinator {
    this.#incarnation++;
    return new SimulatedCoordinator({
      clock: this.#clock,
      plan,
      disk: this.#disk,
      incarnation: this.#incarnation,
      workersMin: this.#workersMin,
      hedge: this.#hedge,
      audit: this.#audit,
      onEvent: (event) => this.#events.push(event),
    });
  }

  #addWorker(): void {
    const name = `worker-${++this.#workerCount}`;
    const random = createRandom(this.#seed, 2, this.#workerCount);
    this.#workers.push(new SimulatedWorker(name, this.#clock, random, () => this.#dial()));
  }

  #dial(): SimulatedLine | null {
    if (!this.#coordinator.isAlive) return null;
    const line = new SimulatedLine(this.#clock, createRandom(this.#seed, 3, ++this.#lineCount));
    this.#coordinator.attach(line);
    return line;
  }

  #doMischief(): void {
    const mischief = MISCHIEF[this.#random.int(MISCHIEF.length)]!;
    const worker = this.#workers[this.#random.int(this.#workers.length)]!;
    switch (mischief) {
      case "kill":
        worker.kill();
        this.#workers = this.#workers.filter((other) => other !== worker);
        // Somebody starts another one.
        if (this.#workers.length === 0) this.#addWorker();
        else this.#clock.after(this.#random.int(5_000), () => this.#addWorker());
        return;
      case "break":
        worker.line?.breakNow("the network broke");
        return;
      case "silence":
        worker.line?.goSilent(4_000);
        return;
      case "join":
        if (this.#workers.length < WORKERS_MAX) this.#addWorker();
        return;
      case "stall":
        worker.trouble = mischief;
        return;
      case "hang":
      case "not-a-number":
      case "failure":
        if (this.#failureCount === FAILURES_MAX) return;
        this.#failureCount++;
        worker.trouble = mischief;
        return;
      case "crash":
        if (!this.#coordinator.isAlive) return;
        this.#coordinator.crash();
        this.#committed.push(...this.#coordinator.committed);
        this.#clock.after(this.#random.int(3_000), () => {
          this.#coordinator = this.#startCoordinator();
        });
        return;
    }
  }
}

/** The same training as a plain loop, without coordinator, workers or rounds. */
export function trainAlone(): string {
  return hashesAlone().at(-1)!;
}

/** Hashes of the parameters of that loop, from step 0 on. */
export function hashesAlone(): readonly string[] {
  const { metaBatch, tasksPerLeaf } = plan;
  const leafCount = metaBatch / tasksPerLeaf;
  let params: Float32Array = initialParams;
  const hashes = [paramsHash(params)];
  let optimizer = plan.outer.init(layout.size);
  for (let version = 0; version < plan.steps; version++) {
    const tree = new ReductionTree(leafCount, layout.size);
    for (let index = 0; index < leafCount; index++) {
      const firstEpisode = version * metaBatch;
      const leaf = {
        kind: "train",
        split: "train",
        level: 0,
        index,
        leafCount,
        tasksPerLeaf,
        firstEpisode,
      } as const;
      tree.add({ level: 0, index }, computeBlock(params, leaf).body.slice(tasksPerLeaf));
    }
    const gradientSum = tree.root();
    const next = outerStep({
      params,
      optimizer,
      gradientSum,
      taskCount: metaBatch,
      outer: plan.outer,
    });
    ({ params, optimizer } = next);
    hashes.push(paramsHash(params));
  }
  return hashes;
}
