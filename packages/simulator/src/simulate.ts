import type { Evaluation, TrainPlan } from "@shoal/coordinator";
import { createRandom, paramsHash, type Random } from "@shoal/core/outer";
import { CoordinatorNode } from "./coordinator-node.ts";
import type { Fault } from "./fault.ts";
import { Network } from "./network.ts";
import type { Scenario } from "./scenario.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { trainAlone } from "./train-alone.ts";
import { type Costs, Watcher } from "./watcher.ts";
import { WorkerNode } from "./worker-node.ts";
import { type TraceLine, World } from "./world.ts";

export interface SimulationReport {
  readonly scenario: Scenario;
  /** What was not as it must be; empty: all is well. */
  readonly violations: readonly string[];
  readonly virtualMs: number;
  readonly paramsHash: string | null;
  /** A worker sent finite but wrong numbers: the bits may rightly differ. */
  readonly isTainted: boolean;
  readonly evaluations: readonly Evaluation[];
  /** From a round's start to its new version, step by step, also those that a restart took back. */
  readonly stepMs: readonly number[];
  /** From the first lease of a training step to the last new version, restarts included. */
  readonly trainingMs: number;
  readonly workerKills: number;
  /** Operations that changed the disk. */
  readonly diskChanges: number;
  readonly coordinatorStarts: number;
  readonly costs: Costs;
  /** How often each event of a coordinator was told. */
  readonly eventCounts: ReadonlyMap<string, number>;
  readonly eventCount: number;
  readonly trace: readonly TraceLine[];
}

/** Interval at which the simulation is looked at from outside, in virtual ms. */
const LOOK_MS = 1_000;

/** More than a worker's and a coordinator's timers for all their connections; a leak passes it. */
const TIMERS_MAX = 200;

/** Things that are due: timers, and messages on their way. */
const PENDING_MAX_PER_WORKER = 5_000;

/** A wait's deadline may be looked at this much late: a tick of the coordinator, in ms. */
const TICK_MS = 1_000;

/** Runs a scenario to its end. The same scenario gives the same report, to the last message. */
export async function simulate(scenario: Scenario, options: SimulateOptions = {}): Promise<SimulationReport> {
  return new Simulation(scenario, options).run();
}

export interface SimulateOptions {
  /** Keeps all that is said and done. */
  readonly isTraced?: boolean;
  /** Ends the simulation where it stands. */
  readonly signal?: AbortSignal;
  /** A step was committed, at this virtual moment. */
  readonly onStep?: (step: number, virtualMs: number) => void;
}

class Simulation {
  readonly #scenario: Scenario;
  readonly #options: SimulateOptions;
  readonly #world: World;
  readonly #watcher: Watcher;
  readonly #network: Network;
  readonly #disk: SimulatedDisk;
  readonly #coordinator: CoordinatorNode;
  readonly #workers: readonly WorkerNode[];
  readonly #versions: readonly Float32Array[];
  #workerKills = 0;
  /** The change of the disk before which the coordinator's machine loses power. */
  #powerAtChange: { readonly number: number; readonly restartMs: number } | null = null;

  constructor(scenario: Scenario, options: SimulateOptions) {
    const { seed, plan, workers, workersMin, network, diskMs, coordinatorClockRate } = scenario;
    this.#scenario = scenario;
    this.#options = options;
    this.#world = new World({ isTraced: options.isTraced ?? false });
    this.#versions = versionsOf(plan);
    this.#watcher = new Watcher(this.#world, plan, this.#versions);
    this.#network = new Network({ world: this.#world, seed, ...network });
    this.#disk = new SimulatedDisk({
      world: this.#world,
      random: createRandom(seed, 40),
      operationMs: diskMs,
      onChange: (number, what) => this.#diskChanges(number, what),
    });
    const common = {
      world: this.#world,
      network: this.#network,
      watcher: this.#watcher,
      seed,
      bytesPerMs: network.bytesPerMs,
    };
    this.#coordinator = new CoordinatorNode({
      ...common,
      disk: this.#disk,
      plan,
      workersMin,
      hedge: scenario.hedge ?? true,
      broken: new Set(workers.flatMap(({ broken }, i) => (broken === undefined ? [] : [`worker-${i}`]))),
      clockRate: coordinatorClockRate,
    });
    this.#workers = workers.map((spec, index) => new WorkerNode({ ...common, spec, index }));
  }

  async run(): Promise<SimulationReport> {
    const { faults, msMax, seed, failures } = this.#scenario;
    this.#world.at(0, () => this.#coordinator.start());
    for (const worker of this.#workers) this.#world.at(1, () => worker.start());
    for (const fault of faults) this.#world.at(fault.atMs, () => this.#strike(fault));
    if (failures !== undefined) {
      this.#workers.forEach((_, index) => {
        this.#failEvery(failures.workerMtbfMs, createRandom(seed, 50, index), () => {
          this.#workerKills++;
          this.#workers[index]!.kill(failures.restartMs, false);
        });
      });
      this.#failEvery(failures.coordinatorMtbfMs, createRandom(seed, 51), () =>
        this.#coordinator.losePower(failures.restartMs),
      );
    }
    this.#world.after(LOOK_MS, () => this.#look());
    let steps = 0;
    while (this.#coordinator.outcome === null) {
      if (!(await this.#world.advance())) {
        this.#watcher.violate("nothing is due any more: everybody waits for somebody");
        break;
      }
      if (this.#world.nowMs > msMax) {
        this.#watcher.violate(`the run is not over after ${msMax} ms; it waits for: ${this.#waits()}`);
        break;
      }
      // Whatever follows a violation says less.
      if (this.#watcher.violations.length > 0 || this.#options.signal?.aborted === true) break;
      if (this.#watcher.stepMs.length === steps) continue;
      steps = this.#watcher.stepMs.length;
      this.#options.onStep?.(this.#watcher.lastStep, this.#world.nowMs);
    }
    this.#checkOutcome();
    return this.#report();
  }

  /** Arranges failures without memory: the time to the next one is exponential. */
  #failEvery(mtbfMs: number, random: Random, fail: () => void): void {
    if (mtbfMs === Number.POSITIVE_INFINITY) return;
    this.#world.after(-mtbfMs * Math.log(1 - random.uniform()), () => {
      fail();
      this.#failEvery(mtbfMs, random, fail);
    });
  }

  #strike(fault: Fault): void {
    this.#world.note("fault", () => JSON.stringify(fault));
    const coordinator = this.#coordinator;
    switch (fault.type) {
      case "worker-kill":
        this.#workerOf(fault).kill(fault.restartMs, true);
        return;
      case "worker-power":
        this.#workerOf(fault).kill(fault.restartMs, false);
        return;
      case "worker-leave":
        this.#workerOf(fault).leave();
        return;
      case "worker-drain": {
        const { name } = this.#workerOf(fault);
        const { run } = coordinator;
        const member = run?.state.members.find(({ givenName }) => givenName === name);
        if (member === undefined) return;
        coordinator.process?.run(() => run?.drain(member.workerId, "drained by a simulated administrator"));
        return;
      }
      case "worker-stop":
        this.#workerOf(fault).process?.stop(fault.ms);
        return;
      case "worker-clock":
        this.#workerOf(fault).process?.jump(fault.ms);
        return;
      case "worker-trouble":
        this.#workerOf(fault).trouble(fault.trouble);
        return;
      case "coordinator-kill":
        coordinator.kill(fault.restartMs, true);
        return;
      case "coordinator-power":
        coordinator.losePower(fault.restartMs);
        return;
      case "coordinator-power-at":
        this.#powerAtChange = {
          number: this.#disk.changeCount + fault.operation,
          restartMs: fault.restartMs,
        };
        return;
      case "coordinator-stop":
        coordinator.process?.stop(fault.ms);
        return;
      case "coordinator-clock":
        coordinator.process?.jump(fault.ms);
        return;
      case "coordinator-leave":
        coordinator.process?.run(() => coordinator.run?.stop("SIGTERM"));
        return;
      case "pause":
        coordinator.process?.run(() => coordinator.run?.pause("a simulated pause"));
        this.#world.after(fault.ms, () => coordinator.process?.run(() => coordinator.run?.resume()));
        return;
      case "disk-full":
        this.#disk.fill(fault.ms);
        return;
      case "cut":
        for (const link of this.#linksOf(fault)) {
          link.toCoordinator.break("cut");
          link.toWorker.break("cut");
        }
        return;
      case "half-open":
        for (const link of this.#linksOf(fault)) {
          if (fault.direction !== "down") link.toCoordinator.goSilent();
          if (fault.direction !== "up") link.toWorker.goSilent();
        }
        return;
      case "stall":
        for (const link of this.#linksOf(fault)) this.#network.stall(link, fault.ms);
        return;
      case "partition":
        for (const worker of fault.workers) this.#network.partition(this.#workers[worker]!.name, fault.ms);
        return;
    }
  }

  #workerOf({ worker }: { readonly worker: number }): WorkerNode {
    return this.#workers[worker % this.#workers.length]!;
  }

  #linksOf(fault: { readonly worker: number }): ReturnType<() => Network["links"]> {
    const { name } = this.#workerOf(fault);
    return this.#network.links.filter(({ workerName }) => workerName === name);
  }

  #diskChanges(number: number, what: string): void {
    this.#world.note("disk", () => `${number}: ${what}`);
    const power = this.#powerAtChange;
    if (power === null || number < power.number) return;
    this.#powerAtChange = null;
    this.#coordinator.losePower(power.restartMs);
  }

  /** What must be true at any moment. */
  #look(): void {
    this.#world.after(LOOK_MS, () => this.#look());
    const { run, process } = this.#coordinator;
    const nodes = [process, ...this.#workers.map((worker) => worker.process)];
    for (const node of nodes) {
      if (node !== null && node.timerCount > TIMERS_MAX) {
        this.#watcher.violate(`${node.name} has ${node.timerCount} timers`);
      }
    }
    if (this.#world.pendingCount > PENDING_MAX_PER_WORKER * (1 + this.#workers.length)) {
      this.#watcher.violate(`${this.#world.pendingCount} things are due: a queue grows`);
    }
    if (run === null || process?.isRunning !== true) return;
    const nowMs = process.clock.nowMs();
    for (const { what, reason, untilMs } of run.waits()) {
      const isPause = reason.startsWith("paused");
      if (untilMs === null && !isPause)
        this.#watcher.violate(`a wait without a deadline: ${what} (${reason})`);
      // A moment ago the process may have been stopped, or its clock moved.
      if (untilMs !== null && nowMs - untilMs > TICK_MS && this.#wasCalm()) {
        this.#watcher.violate(`a wait went on after its deadline: ${what} (${reason})`);
      }
    }
  }

  #wasCalm(): boolean {
    const { nowMs } = this.#world;
    return !this.#scenario.faults.some(
      (fault) =>
        (fault.type === "coordinator-stop" || fault.type === "coordinator-clock") &&
        nowMs >= fault.atMs &&
        nowMs - fault.atMs - fault.ms < 2 * TICK_MS,
    );
  }

  #waits(): string {
    const waits = this.#coordinator.run?.waits() ?? [];
    return waits.map(({ what, reason }) => `${what} (${reason})`).join("; ");
  }

  #checkOutcome(): void {
    const { outcome } = this.#coordinator;
    const { plan } = this.#scenario;
    if (outcome === null) return;
    if (outcome.type !== "complete") {
      this.#watcher.violate(`the run ended as ${outcome.type}: ${outcome.code} ${outcome.message}`);
      return;
    }
    if (outcome.step !== plan.steps) this.#watcher.violate(`the run ended at step ${outcome.step}`);
    const expected = paramsHash(this.#versions[plan.steps]!);
    if (outcome.paramsHash !== expected && !this.#watcher.isTainted) {
      this.#watcher.violate(
        `the run ended with paramsHash ${outcome.paramsHash}, one worker's is ${expected}`,
      );
    }
  }

  #report(): SimulationReport {
    const { outcome, startCount } = this.#coordinator;
    return {
      scenario: this.#scenario,
      violations: this.#watcher.violations,
      virtualMs: this.#world.nowMs,
      paramsHash: outcome?.paramsHash ?? null,
      isTainted: this.#watcher.isTainted,
      evaluations: outcome?.evaluations ?? [],
      stepMs: this.#watcher.stepMs,
      trainingMs: this.#watcher.trainingMs,
      workerKills: this.#workerKills,
      diskChanges: this.#disk.changeCount,
      coordinatorStarts: startCount,
      costs: this.#watcher.costs,
      eventCounts: this.#watcher.eventCounts,
      eventCount: this.#world.eventCount,
      trace: this.#world.trace,
    };
  }
}

const versionsByPlan = new WeakMap<TrainPlan, readonly Float32Array[]>();

/** The parameters of every version in the plain loop, computed once per plan. */
function versionsOf(plan: TrainPlan): readonly Float32Array[] {
  const known = versionsByPlan.get(plan) ?? trainAlone(plan);
  versionsByPlan.set(plan, known);
  return known;
}
