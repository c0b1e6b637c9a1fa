import { type OptimizerState, paramsHash, ShoalError } from "@shoal/core/outer";
import {
  type Clock,
  type CoordinatorConnection,
  coordinatorVocabulary,
  encode,
  systemClock,
  type WorkerMessage,
} from "@shoal/protocol";
import { awayEvent } from "./away.ts";
import { findNonFinite } from "./check-result.ts";
import type { Evaluation, Outcome } from "./coordinator-event.ts";
import { sayGoodbye } from "./goodbye.ts";
import { TICK_MS } from "./limits.ts";
import { findMember } from "./members.ts";
import { outerStep } from "./outer-step.ts";
import { checkPlan, stagesOf } from "./plan.ts";
import { initialRoundState, step } from "./round.ts";
import { blockTasks, type RoundSpec } from "./round-spec.ts";
import type { Command, RoundEvent, RoundState } from "./round-state.ts";
import { RoundWork } from "./round-work.ts";
import type { RunOptions } from "./run-options.ts";
import { RunRecorder } from "./run-recorder.ts";
import { settingsOf } from "./settings-of.ts";
import { type Wait, waits } from "./waits.ts";

type Queued = { readonly event: RoundEvent; readonly body: Float32Array | null };

/**
 * The edge of a run: sockets, timers and files on one side, the pure state machine (`round.ts`) on the
 * other. It translates messages into events and carries commands out; it decides nothing.
 */
export class Run {
  readonly #options: RunOptions;
  readonly #clock: Clock;
  readonly #stages: Generator<readonly RoundSpec[]>;
  readonly #connections = new Map<string, CoordinatorConnection>();
  readonly #evaluations: Evaluation[];
  readonly #recorder: RunRecorder;
  #state: RoundState;
  /** Committed steps of `#params` and `#optimizer`. */
  #step: number;
  #params: Float32Array;
  #optimizer: OptimizerState;
  /** Frames of the current parameters: encoded once, the same for every worker. */
  #paramsFrames: readonly Buffer[] | null = null;
  /** The floats of the rounds under way, by number. */
  readonly #works = new Map<number, RoundWork>();
  readonly #queue: Queued[] = [];
  #draining = false;
  #aliveMs: number;
  #workerCount = 0;
  /** Time that this process was busy since the last round was complete, and the bytes it sent, for `step` events. */
  #busyMs = 0;
  #sentBytes = 0;
  #stopTicking: () => void = () => {};
  #finish: (outcome: Outcome) => void = () => {};
  /** The next round waits for the disk. */
  #isHeld = false;
  #over = false;

  /** @throws {ShoalError} E_CONFIG if the plan's task counts do not fit */
  constructor(options: RunOptions) {
    checkPlan(options.plan);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#aliveMs = this.#clock.nowMs();
    const { start } = options;
    this.#step = start.step;
    this.#params = start.params;
    this.#optimizer = start.optimizer;
    this.#evaluations = [...start.evaluations];
    this.#recorder = new RunRecorder(options, this.#clock, (code, message) =>
      this.#end("failed", code, message),
    );
    this.#stages = stagesOf(options.plan, start.step, start.evaluations);
    this.#state = initialRoundState(
      settingsOf(options),
      { version: start.step, dataHash: options.dataHash },
      this.#clock.nowMs(),
    );
  }

  /** What the round knows at the moment. */
  get state(): RoundState {
    return this.#state;
  }

  /** Runs the plan to its end. Never rejects: every end is an outcome. */
  start(): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#finish = resolve;
      this.#stopTicking = this.#clock.every(TICK_MS, () => this.#tick());
      this.#recorder.open().then(
        () => this.#nextStage(),
        (error: Error) => this.#end("failed", "E_DISK", error.message),
      );
    });
  }

  /** Saves a checkpoint and ends the run. */
  stop(reason: string): void {
    this.#end("stopped", null, reason);
  }

  /** Saves a checkpoint and ends the run as failed. */
  fail(code: string, message: string): void {
    this.#end("failed", code, message);
  }

  /** Holds the run until `resume`: no lease goes out, those that are out are finished and counted. */
  pause(reason: string, owner = "administrator"): void {
    this.#dispatch({ type: "pause", reason, owner });
  }

  /** Goes on after `pause`; does nothing to a run that is not paused. */
  resume(): void {
    this.#dispatch({ type: "resume" });
  }

  /** Every wait that the run is in, the one that ends first in front; times on the clock of the run. */
  waits(): readonly Wait[] {
    return [...this.#recorder.waits, ...waits(this.#state, this.#clock.nowMs())];
  }

  /** Lets a worker in; it speaks first. */
  attach(connection: CoordinatorConnection): void {
    const workerId = `w${++this.#workerCount}`;
    this.#connections.set(workerId, connection);
    connection.onMessage((message, body) => this.#take(workerId, message, body));
    connection.onClose(({ code, reason }) => {
      this.#connections.delete(workerId);
      const why = reason === "" ? `connection closed (${code})` : `${reason} (${code})`;
      if (findMember(this.#state, workerId) === undefined) {
        if (!this.#over && code !== 1000) {
          this.#options.onEvent({ type: "connection-lost", peer: connection.peer, reason: why });
        }
        return;
      }
      this.#dispatch({ type: "left", workerId, reason: why });
    });
  }

  #take(workerId: string, message: WorkerMessage, body: Float32Array | null): void {
    // The outcome is settled, and its checkpoint on the way to the disk: no result counts any more.
    if (this.#over && message.type !== "hello") return;
    switch (message.type) {
      case "hello":
        this.#dispatch({ type: "hello", workerId, message });
        return;
      case "ready":
        this.#dispatch({ type: "ready", workerId, message });
        return;
      case "failed":
        this.#dispatch({ type: "failed", workerId, message });
        return;
      case "heartbeat":
        this.#dispatch({ type: "heartbeat", workerId, leases: message.leases });
        return;
      case "draining": {
        const { reason, leases } = message;
        this.#dispatch({ type: "draining", workerId, reason, leases });
        return;
      }
      case "leaving":
        this.#dispatch({ type: "left", workerId, reason: message.reason });
        return;
      case "result": {
        const started = this.#clock.nowMs();
        const floats = body ?? new Float32Array(0);
        const invalid = this.#findInvalid(message, floats);
        this.#busyMs += this.#clock.nowMs() - started;
        this.#dispatch({ type: "result", workerId, message, bodyFloats: floats.length, invalid }, floats);
        return;
      }
    }
  }

  /** What is not finite in a result of a round under way; the state machine checks the rest. */
  #findInvalid(message: Extract<WorkerMessage, { type: "result" }>, body: Float32Array): string | null {
    const spec = this.#works.get(message.round)?.spec;
    if (spec === undefined) return null;
    return findNonFinite({
      body,
      statNames: this.#options.statNames[spec.kind],
      taskCount: message.taskCount,
      firstEpisode: spec.firstEpisode + blockTasks(spec, message.level, message.index).first,
      layout: this.#options.layout,
    });
  }

  #tick(): void {
    if (this.#isHeld && !this.#recorder.isBehind) this.#nextStage();
    for (const [workerId, { receivedAtMs }] of this.#connections) {
      this.#dispatch({ type: "heard", workerId, atMs: receivedAtMs });
    }
    this.#dispatch({ type: "tick" });
  }

  /** Feeds an event, and those that its commands cause, to the state machine, one after the other. */
  #dispatch(event: RoundEvent, body: Float32Array | null = null): void {
    this.#queue.push({ event, body });
    if (this.#draining) return;
    this.#draining = true;
    const started = this.#clock.nowMs();
    const away = awayEvent(this.#aliveMs, started);
    if (away !== null) this.#queue.unshift({ event: away, body: null });
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, commands } = step(this.#state, next.event, this.#clock.nowMs());
        this.#state = state;
        for (const command of commands) {
          this.#options.onCommand?.(command);
          this.#carryOut(command, next);
        }
      }
    } finally {
      this.#draining = false;
      this.#aliveMs = this.#clock.nowMs();
      this.#busyMs += this.#aliveMs - started;
    }
  }

  #carryOut(command: Command, { event, body }: Queued): void {
    switch (command.type) {
      case "send":
        this.#connections.get(command.workerId)?.send(command.message);
        return;
      case "sendParams": {
        this.#paramsFrames ??= encode(
          coordinatorVocabulary,
          { type: "params", version: command.version },
          this.#params,
        );
        this.#connections.get(command.workerId)?.sendFrames(this.#paramsFrames);
        this.#sentBytes += this.#params.byteLength;
        return;
      }
      case "close":
        this.#connections.get(command.workerId)?.close(command.code, command.reason);
        return;
      case "accept": {
        const work = this.#works.get(command.round)!;
        if (command.keep) work.keep(command, body!);
        const leaseId = event.type === "result" ? event.message.leaseId : 0;
        work.count({ ...command, leaseId }, body!);
        work.add(command, body!);
        return;
      }
      case "compare": {
        const event = this.#works.get(command.round)?.mismatchOf(command, body!) ?? null;
        if (event !== null) this.#options.onEvent(event);
        return;
      }
      case "complete":
        this.#complete(command.spec);
        return;
      case "notify":
        if (command.event.type === "round-started")
          this.#works.get(command.event.spec.number)!.begin(this.#clock.nowMs());
        this.#options.onEvent(command.event);
        return;
      case "fail":
        this.#end("failed", command.code, command.message);
        return;
    }
  }

  #complete(spec: RoundSpec): void {
    const work = this.#works.get(spec.number)!;
    this.#works.delete(spec.number);
    try {
      if (spec.kind === "train") this.#commit(spec, work);
      else this.#conclude(spec, work);
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error;
      this.#end("failed", error.code, error.message);
      return;
    }
    this.#busyMs = 0;
    this.#sentBytes = 0;
    if (this.#works.size === 0) this.#nextStage();
  }

  /** Takes one step of the shared initialization: a new version. */
  #commit(spec: RoundSpec, work: RoundWork): void {
    const { plan } = this.#options;
    if (plan.type !== "train") return;
    const gradientSum = work.gradientSum();
    const { params, optimizer } = outerStep({
      params: this.#params,
      optimizer: this.#optimizer,
      gradientSum,
      taskCount: spec.taskCount,
      outer: plan.outer,
    });
    const step = spec.version + 1;
    this.#step = step;
    this.#params = params;
    this.#optimizer = optimizer;
    this.#paramsFrames = null;
    const [stats, nowMs] = [work.means(), this.#clock.nowMs()];
    const stepMs = nowMs - work.startedMs;
    // Before it is told: who hears of a step may end the run, and the step is part of what is saved then.
    this.#record(work, { type: "step", step, tasks: spec.taskCount, ...stats, stepMs }, gradientSum);
    this.#options.onEvent({
      type: "step",
      step,
      steps: plan.steps,
      stats,
      tasks: spec.taskCount,
      stepMs,
      coordinatorMs: this.#busyMs,
      workersReady: this.#state.members.filter(({ status }) => status.type === "ready").length,
      sentBytes: this.#sentBytes,
      receivedBytes: work.receivedBytes,
    });
    if (step < plan.steps && this.#recorder.isCheckpointDue(step, nowMs)) this.#save();
  }

  #conclude(spec: RoundSpec, work: RoundWork): void {
    if (spec.purpose === "train") return;
    const evaluation: Evaluation = {
      purpose: spec.purpose,
      split: spec.split,
      step: spec.version,
      tasks: spec.taskCount,
      stats: work.intervals(),
    };
    this.#evaluations.push(evaluation);
    this.#record(work, { type: "evaluation", ...evaluation }, null);
    this.#options.onEvent({ type: "evaluation", evaluation, ms: this.#clock.nowMs() - work.startedMs });
  }

  /** Starts the rounds of the next stage together: they need the same parameters. */
  #nextStage(): void {
    if (this.#over) return;
    this.#isHeld = this.#recorder.isBehind;
    if (this.#isHeld) return;
    const next = this.#stages.next();
    if (next.done === true) {
      this.#end("complete", null, "the plan is done");
      return;
    }
    const { statNames, layout } = this.#options;
    for (const spec of next.value) {
      const work = new RoundWork(spec, statNames[spec.kind], layout.size, this.#clock.nowMs());
      this.#works.set(spec.number, work);
      this.#dispatch({ type: "start", spec });
    }
  }

  #record(
    work: RoundWork,
    metric: Readonly<Record<string, unknown>>,
    gradientSum: Float32Array | null,
  ): void {
    const names = new Map(this.#state.members.map(({ workerId, name }) => [workerId, name]));
    this.#recorder.commit({ work, params: this.#params, metric, gradientSum, names });
  }

  /** Saves the current version in the background. */
  #save(): void {
    const { runId, layout, experiment } = this.#options;
    const { dataHash } = this.#state;
    // Later steps make new arrays: these are not changed any more.
    const [step, params, optimizer] = [this.#step, this.#params, this.#optimizer];
    this.#recorder.save({ runId, step, params, optimizer, layout, dataHash, experiment });
  }

  /** Ends the run once: last checkpoint, goodbye to the workers, outcome. */
  #end(type: Outcome["type"], code: string | null, message: string): void {
    // Somebody who stops a run does not want to wait for a disk that is full.
    if (type !== "complete") this.#recorder.giveUp();
    if (this.#over) return;
    this.#over = true;
    this.#stopTicking();
    const step = this.#step;
    const isTraining = this.#options.plan.type === "train";
    // What could not be written a moment ago is not written now.
    const canSave = code !== "E_CHECKPOINT_WRITE" && code !== "E_DISK";
    if (isTraining && canSave) this.#save();
    void this.#recorder.finish().then(async (failure) => {
      const outcome: Outcome = {
        step,
        paramsHash: paramsHash(this.#params),
        evaluations: this.#evaluations,
        ...(failure === null
          ? { type, ...(code === null ? {} : { code }), ...(type === "complete" ? {} : { message }) }
          : { type: "failed", ...failure }),
      };
      this.#dispatch({ type: "finish", outcome: outcome.type, message: outcome.message ?? message });
      await sayGoodbye(this.#connections, this.#clock);
      this.#options.onEvent({ type: "done", outcome });
      this.#finish(outcome);
    });
  }
}
