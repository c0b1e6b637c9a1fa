import assert from "node:assert";
import { blockLeaves, type OptimizerState } from "@shoal/core/outer";
import type { WorkerMessage } from "@shoal/protocol";
import { leavesOf } from "../blocks.ts";
import { findNonFinite } from "../check-result.ts";
import type { CoordinatorEvent, Evaluation } from "../coordinator-event.ts";
import { outerStep } from "../outer-step.ts";
import { stagesOf, type TrainPlan } from "../plan.ts";
import { initialRoundState, step } from "../round.ts";
import { blockTasks, leafCountOf, type RoundSpec } from "../round-spec.ts";
import type { Command, RoundEvent, RoundState } from "../round-state.ts";
import { RoundWork } from "../round-work.ts";
import { liveLeases } from "../rounds.ts";
import { waits } from "../waits.ts";
import { smallSettings } from "./driven-round.ts";
import { layout, statNames } from "./made-up-work.ts";
import type { SimulatedLine } from "./simulated-line.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const TICK_MS = 250;

/** What a crash leaves behind. */
export interface Disk {
  checkpoint: { readonly step: number; readonly params: Float32Array; readonly optimizer: OptimizerState };
  evaluations: readonly Evaluation[];
}

export interface SimulatedCoordinatorOptions {
  readonly clock: VirtualClock;
  readonly plan: TrainPlan;
  readonly disk: Disk;
  readonly incarnation: number;
  readonly workersMin: number;
  readonly hedge: boolean;
  /** Share of the blocks that are computed twice. */
  readonly audit: number;
  readonly onEvent: (event: CoordinatorEvent) => void;
}

/**
 * The real state machine, reduction tree and outer step between simulated lines and a simulated disk.
 * It checks after every event what must always hold.
 */
export class SimulatedCoordinator {
  /** Set when the run is over. */
  outcome: { readonly type: "complete" | "failed"; readonly message: string } | null = null;
  /** Steps that this incarnation committed, in order. */
  readonly committed: number[] = [];
  /** Second copies whose bits were compared with the first. */
  compared = 0;
  isAlive = true;
  readonly #options: SimulatedCoordinatorOptions;
  readonly #stages: Generator<readonly RoundSpec[]>;
  readonly #lines = new Map<string, SimulatedLine>();
  #state: RoundState;
  #params: Float32Array;
  #optimizer: OptimizerState;
  readonly #works = new Map<number, RoundWork>();
  /** How often each leaf of a round was counted, by round. */
  readonly #counted = new Map<number, Uint8Array>();

  constructor(options: SimulatedCoordinatorOptions) {
    const { clock, plan, disk, incarnation, workersMin } = options;
    const { step, params, optimizer } = disk.checkpoint;
    this.#options = options;
    this.#params = params;
    this.#optimizer = optimizer;
    disk.evaluations = disk.evaluations.filter((evaluation) => evaluation.step <= step);
    this.#stages = stagesOf(plan, step, disk.evaluations);
    this.#state = initialRoundState(
      {
        ...smallSettings,
        incarnation,
        workersMin,
        leavesUnmeasured: 4,
        inOrder: true,
        hedge: options.hedge,
        audit: options.audit,
        paramCount: layout.size,
        statCounts: { train: statNames.train.length, evaluate: statNames.evaluate.length },
      },
      { version: step, dataHash: null },
      clock.nowMs,
    );
    this.#nextStage();
    this.#tick();
  }

  get params(): Float32Array {
    return this.#params;
  }

  attach(line: SimulatedLine): void {
    const workerId = `w${this.#lines.size + 1}`;
    this.#lines.set(workerId, line);
    line.coordinatorEnd = {
      onMessage: (message, body) => this.#take(workerId, message, body),
      onLost: (reason) => this.#dispatch({ type: "left", workerId, reason }),
    };
  }

  /** Forgets everything but the disk. */
  crash(): void {
    this.isAlive = false;
    for (const line of this.#lines.values()) line.breakNow("the coordinator crashed");
  }

  #tick(): void {
    if (!this.isAlive || this.outcome !== null) return;
    this.#dispatch({ type: "tick" });
    this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  #take(workerId: string, message: WorkerMessage, body: Float32Array | null): void {
    if (message.type === "draining") {
      const { reason, leases } = message;
      this.#dispatch({ type: "draining", workerId, reason, leases });
    } else if (message.type === "leaving") {
      this.#dispatch({ type: "left", workerId, reason: message.reason });
    } else if (message.type === "heartbeat") {
      this.#dispatch({ ...message, workerId });
    } else if (message.type === "result") {
      const invalid = this.#findInvalid(message, body!);
      this.#dispatch({ type: "result", workerId, message, bodyFloats: body!.length, invalid }, body);
    } else {
      this.#dispatch({ type: message.type, workerId, message } as RoundEvent);
    }
  }

  #findInvalid(message: Extract<WorkerMessage, { type: "result" }>, body: Float32Array): string | null {
    const spec = this.#works.get(message.round)?.spec;
    if (spec === undefined) return null;
    const { first } = blockTasks(spec, message.level, message.index);
    const { taskCount } = message;
    const firstEpisode = spec.firstEpisode + first;
    return findNonFinite({ body, statNames: statNames[spec.kind], taskCount, firstEpisode, layout });
  }

  #dispatch(event: RoundEvent, body: Float32Array | null = null): void {
    if (!this.isAlive) return;
    const { state, commands } = step(this.#state, event, this.#options.clock.nowMs);
    const before = liveLeases(this.#state).map(({ lease }) => lease.leaseId);
    this.#state = state;
    checkState(state, new Set(before));
    for (const command of commands) this.#carryOut(command, body);
  }

  #carryOut(command: Command, body: Float32Array | null): void {
    switch (command.type) {
      case "send":
        this.#lines.get(command.workerId)!.sendToWorker(command.message);
        return;
      case "sendParams": {
        const { version } = command;
        assert.equal(version, this.#options.disk.checkpoint.step + this.#stepsSinceCheckpoint());
        this.#lines.get(command.workerId)!.sendToWorker({ type: "params", version }, this.#params);
        return;
      }
      case "close":
        this.#lines.get(command.workerId)!.closeAfterLastMessage(command.reason);
        return;
      case "accept": {
        this.#count(command);
        const work = this.#works.get(command.round)!;
        if (command.keep) work.keep(command, body!);
        work.add(command, body!);
        return;
      }
      case "compare":
        // Mischief makes copies that are not finite; every other one has the same bits.
        if (body!.every(Number.isFinite)) {
          const floatsDifferent = this.#works.get(command.round)!.compare(command, body!);
          if (floatsDifferent !== null) this.compared++;
          assert.equal(floatsDifferent ?? 0, 0, "copies differ");
        }
        return;
      case "complete":
        this.#complete(command.spec);
        return;
      case "notify":
        this.#options.onEvent(command.event);
        return;
      case "fail":
        this.outcome = { type: "failed", message: command.message };
        return;
    }
  }

  #count({ round, level, index }: Extract<Command, { type: "accept" }>): void {
    const counted = this.#counted.get(round)!;
    const { first, count } = blockLeaves({ level, index }, counted.length);
    for (let leaf = first; leaf < first + count; leaf++) counted[leaf]!++;
  }

  #complete(spec: RoundSpec): void {
    const { disk, plan } = this.#options;
    const work = this.#works.get(spec.number)!;
    const counted = this.#counted.get(spec.number)!;
    assert(
      counted.every((times) => times === 1),
      `round ${spec.number}: leaves counted ${counted.join()} times`,
    );
    this.#works.delete(spec.number);
    this.#counted.delete(spec.number);
    if (spec.purpose === "train") {
      this.committed.push(spec.version);
      const { params, optimizer } = outerStep({
        params: this.#params,
        optimizer: this.#optimizer,
        gradientSum: work.gradientSum(),
        taskCount: spec.taskCount,
        outer: plan.outer,
      });
      this.#params = params;
      this.#optimizer = optimizer;
      const step = spec.version + 1;
      if (step % plan.checkpointEverySteps === 0) disk.checkpoint = { step, params, optimizer };
    } else {
      const { purpose, split, version, taskCount } = spec;
      const evaluation = { purpose, split, step: version, tasks: taskCount, stats: work.intervals() };
      disk.evaluations = [...disk.evaluations, evaluation];
    }
    if (this.#works.size === 0) this.#nextStage();
  }

  #nextStage(): void {
    const next = this.#stages.next();
    if (next.done === true) {
      this.outcome = { type: "complete", message: "the plan is done" };
      this.#dispatch({ type: "finish", outcome: "complete", message: "the plan is done" });
      return;
    }
    for (const spec of next.value) {
      const work = new RoundWork(spec, statNames[spec.kind], layout.size, this.#options.clock.nowMs);
      this.#works.set(spec.number, work);
      this.#counted.set(spec.number, new Uint8Array(leafCountOf(spec)));
      this.#dispatch({ type: "start", spec });
    }
  }

  #stepsSinceCheckpoint(): number {
    return this.committed.filter((version) => version >= this.#options.disk.checkpoint.step).length;
  }
}

/** What holds after every event. */
function checkState(state: RoundState, leasedBefore: ReadonlySet<number>): void {
  const { members, rounds, version } = state;
  assert.equal(
    new Set(members.map(({ workerId }) => workerId)).size,
    members.length,
    "a member is listed twice",
  );
  for (const { spec, blocks } of rounds) {
    assert.equal(spec.version, version, "the round uses the parameters that count");
    let leaf = 0;
    for (const block of blocks) {
      const { first, count } = leavesOf(spec, block);
      assert.equal(first, leaf, "the blocks are a partition of the leaves");
      assert(block.leases.length <= 2, "more than two copies of a block are live");
      const holders = new Set(block.leases.map(({ workerId }) => workerId));
      assert.equal(holders.size, block.leases.length, "a worker holds two copies of a block");
      assert(block.winner === null || block.isAudited || holders.size === 0, "a block that counts is leased");
      leaf += count;
    }
    assert.equal(leaf, leafCountOf(spec), "the blocks cover the leaves");
  }
  const live = liveLeases(state).map(({ lease }) => lease);
  assert.equal(new Set(live.map(({ leaseId }) => leaseId)).size, live.length, "two blocks share a lease");
  for (const { workerId } of live) {
    const holder = members.find((member) => member.workerId === workerId);
    assert(holder?.status.type === "ready", "a lease is held by a worker that is not ready");
    assert.equal(holder.version, version, "a lease is held by a worker without its parameters");
    const held = live.filter((lease) => lease.workerId === workerId);
    // One that has fewer slots than it had keeps what it was leased.
    const isNew = held.some(({ leaseId }) => !leasedBefore.has(leaseId));
    assert(
      !isNew || held.length <= 2 * holder.status.slots,
      "a worker is leased more than two blocks per slot",
    );
  }
  for (const { what, untilMs } of waits(state, 0)) {
    assert(untilMs !== null || state.paused !== null, `the wait for ${what} has no end`);
  }
}
