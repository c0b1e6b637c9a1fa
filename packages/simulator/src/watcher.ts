import type { CoordinatorEvent, TrainPlan } from "@shoal/coordinator";
import { blockLeaves } from "@shoal/core/outer";
import type { CoordinatorMessage, Lease, WorkerMessage } from "@shoal/protocol";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

type Result = Extract<WorkerMessage, { type: "result" }>;

/** What a run cost, as the simulation sees it from outside. */
export interface Costs {
  /** Time that compute threads were busy, in ms, and the part of it whose results counted. */
  computedMs: number;
  countedMs: number;
  /** Time of computations that ended with their worker. */
  killedMs: number;
  leases: number;
  bytesToWorkers: number;
  bytesToCoordinator: number;
}

/** A round that has begun: something of it was leased, or came from the start before. */
interface CountedRound {
  readonly kind: Lease["kind"];
  readonly split: Lease["split"];
  readonly version: number;
  /** 1 for each leaf that counts. */
  readonly counted: Uint8Array;
}

/** A computation that has begun. */
interface Work {
  readonly process: SimulatedProcess;
  readonly startedMs: number;
}

/**
 * Looks at everything that is said and done in a simulation, and holds it against what must be true.
 *
 * - Every leaf of a step's round is counted exactly once by the start of the coordinator that commits it.
 * - A block is computed with the very bits of the parameters that the plain loop has at its version.
 * - Steps are committed one after the other; a restart goes back to a step that was saved, never ahead.
 */
export class Watcher {
  readonly violations: string[] = [];
  readonly costs: Costs = {
    computedMs: 0,
    countedMs: 0,
    killedMs: 0,
    leases: 0,
    bytesToWorkers: 0,
    bytesToCoordinator: 0,
  };
  readonly stepMs: number[] = [];
  readonly eventCounts = new Map<string, number>();
  readonly #world: World;
  readonly #versions: readonly Float32Array[];
  readonly #plan: TrainPlan;
  readonly #leases = new Map<number, Lease>();
  readonly #results = new Map<number, Result>();
  readonly #working = new Set<Work>();
  /** What is counted of the rounds of the coordinator under way, by number. */
  readonly #rounds = new Map<number, CountedRound>();
  /** Names of the workers that the coordinator under way has for ready, by id. */
  readonly #ready = new Map<string, string>();
  #lastStep = 0;
  #trainedSinceMs: number | null = null;
  #trainedUntilMs = 0;
  /** A finite but wrong result has left a worker: nobody can tell, unless a second copy comes. */
  #isTainted = false;

  /** @param versions parameters of every version, as the plain loop has them */
  constructor(world: World, plan: TrainPlan, versions: readonly Float32Array[]) {
    this.#world = world;
    this.#plan = plan;
    this.#versions = versions;
  }

  /** True if the bits of the run may rightly differ. */
  get isTainted(): boolean {
    return this.#isTainted;
  }

  get lastStep(): number {
    return this.#lastStep;
  }

  /** From the first lease of a training step to the last new version, in virtual ms. */
  get trainingMs(): number {
    return this.#trainedUntilMs - (this.#trainedSinceMs ?? this.#trainedUntilMs);
  }

  /** True if somebody is ready who is not among `names`. */
  isReadyBeside(names: ReadonlySet<string>): boolean {
    return [...this.#ready.values()].some((worker) => !names.has(worker.split(" ")[0]!));
  }

  violate(what: string): void {
    this.#world.note("VIOLATION", () => what);
    if (this.violations.length < 20) this.violations.push(`at ${this.#world.nowMs.toFixed(1)} ms: ${what}`);
  }

  /** A coordinator has started with `step` committed steps. */
  coordinatorStarted(step: number): void {
    if (step > this.#lastStep)
      this.violate(`resumed at step ${step}, but only ${this.#lastStep} were committed`);
    this.#lastStep = step;
    this.#rounds.clear();
    this.#ready.clear();
  }

  coordinatorEvent(event: CoordinatorEvent): void {
    this.#world.note("coordinator", () => `tells ${JSON.stringify(event)}`);
    this.eventCounts.set(event.type, (this.eventCounts.get(event.type) ?? 0) + 1);
    if (event.type === "worker-ready") this.#ready.set(event.workerId, event.worker);
    if (event.type === "worker-left") this.#ready.delete(event.workerId);
    if (event.type === "round-started") {
      const { spec, leafCount } = event;
      this.#rounds.set(spec.number, { ...spec, counted: new Uint8Array(leafCount) });
      if (spec.kind === "train") this.#trainedSinceMs ??= this.#world.nowMs;
    }
    if (event.type === "step") this.#stepCommitted(event.step, event.stepMs);
    if (event.type === "evaluation") {
      const { purpose, split, step } = event.evaluation;
      this.#roundComplete(
        purpose,
        (round) => round.kind === "evaluate" && round.split === split && round.version === step,
      );
    }
  }

  coordinatorSays(message: CoordinatorMessage): void {
    if (message.type === "lease") {
      this.costs.leases++;
      this.#leases.set(message.leaseId, message);
      return;
    }
    if (message.type === "answer" && message.status === "accepted") this.#count(message.leaseId);
  }

  resultSent(result: Result): void {
    this.#results.set(result.leaseId, result);
  }

  paramsUsed(version: number, params: Float32Array): void {
    const expected = this.#versions[version];
    if (expected === undefined) {
      this.violate(`a block is computed at version ${version}; the plan ends before`);
    } else if (!this.#isTainted && !sameBits(params, expected)) {
      this.violate(`a block is computed at version ${version} with other parameters than one worker has`);
    }
  }

  wrongBitsSent(): void {
    this.#isTainted = true;
  }

  /** @returns to be called when the computation ends, with the time that it took on its worker's clock */
  workBegins(process: SimulatedProcess): (ms: number) => void {
    const work: Work = { process, startedMs: this.#world.nowMs };
    this.#working.add(work);
    return (ms) => {
      this.#working.delete(work);
      this.costs.computedMs += ms;
    };
  }

  /** Takes note of computations that died with their process. */
  processDied(process: SimulatedProcess): void {
    for (const work of this.#working) {
      if (work.process !== process) continue;
      this.#working.delete(work);
      this.costs.killedMs += this.#world.nowMs - work.startedMs;
    }
  }

  bytesUp(bytes: number): void {
    this.costs.bytesToCoordinator += bytes;
  }

  bytesDown(bytes: number): void {
    this.costs.bytesToWorkers += bytes;
  }

  #count(leaseId: number): void {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) {
      this.violate(`lease ${leaseId} was accepted, and never given`);
      return;
    }
    this.costs.countedMs += this.#results.get(leaseId)?.computeMs ?? 0;
    const { first, count } = blockLeaves(lease, lease.leafCount);
    const counted = this.#rounds.get(lease.round)?.counted;
    if (counted === undefined || counted.length !== lease.leafCount) {
      this.violate(`lease ${leaseId} was accepted outside of its round`);
      return;
    }
    for (let leaf = first; leaf < first + count; leaf++) {
      if (counted[leaf] === 1) this.violate(`leaf ${leaf} of round ${lease.round} was counted twice`);
      counted[leaf] = 1;
    }
  }

  #stepCommitted(step: number, stepMs: number): void {
    if (step !== this.#lastStep + 1) this.violate(`step ${step} was committed after step ${this.#lastStep}`);
    this.#lastStep = step;
    if (step > this.#plan.steps) this.violate(`step ${step} was committed; the plan has ${this.#plan.steps}`);
    this.stepMs.push(stepMs);
    this.#trainedUntilMs = this.#world.nowMs;
    this.#roundComplete(`step ${step}`, (round) => round.kind === "train" && round.version === step - 1);
  }

  #roundComplete(what: string, isIt: (round: CountedRound) => boolean): void {
    const found = [...this.#rounds].find(([, round]) => isIt(round));
    const missing = found?.[1].counted.indexOf(0) ?? 0;
    if (missing >= 0) this.violate(`${what} was completed without leaf ${missing}`);
    if (found !== undefined) this.#rounds.delete(found[0]);
  }
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  const [x, y] = [new Uint32Array(a.slice().buffer), new Uint32Array(b.slice().buffer)];
  return x.length === y.length && x.every((bits, i) => bits === y[i]);
}
