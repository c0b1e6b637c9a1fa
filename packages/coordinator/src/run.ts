import { type OptimizerState, paramsHash, ShoalError } from "@shoal/core/outer";
import { type Clock, type CoordinatorConnection, systemClock } from "@shoal/protocol";
import type { Evaluation, Outcome } from "./coordinator-event.ts";
import { TICK_MS } from "./limits.ts";
import { outerStep } from "./outer-step.ts";
import { checkPlan, stagesOf } from "./plan.ts";
import { RoundEdge } from "./round-edge.ts";
import type { RoundSpec } from "./round-spec.ts";
import type { RoundState } from "./round-state.ts";
import type { RoundWork } from "./round-work.ts";
import type { RunOptions } from "./run-options.ts";
import { RunRecorder } from "./run-recorder.ts";
import { settingsOf } from "./settings-of.ts";
import { type Wait, waits } from "./waits.ts";

/**
 * A run: its plan says which rounds there are, the edge (`round-edge.ts`) has them computed, and what comes of
 * them is committed and written down here.
 */
export class Run {
  readonly #options: RunOptions;
  readonly #clock: Clock;
  readonly #stages: Generator<readonly RoundSpec[]>;
  readonly #evaluations: Evaluation[];
  readonly #recorder: RunRecorder;
  readonly #edge: RoundEdge;
  /** Committed steps of `#params` and `#optimizer`. */
  #step: number;
  #params: Float32Array;
  #optimizer: OptimizerState;
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
    const { start } = options;
    this.#step = start.step;
    this.#params = start.params;
    this.#optimizer = start.optimizer;
    this.#evaluations = [...start.evaluations];
    this.#recorder = new RunRecorder(options, this.#clock, (code, message) =>
      this.#end("failed", code, message),
    );
    this.#stages = stagesOf(options.plan, start.step, start.evaluations);
    this.#edge = new RoundEdge({
      settings: settingsOf(options),
      start: { version: start.step, dataHash: options.dataHash },
      clock: this.#clock,
      layout: options.layout,
      statNames: options.statNames,
      params: () => this.#params,
      onComplete: (spec, work) => this.#complete(spec, work),
      onFail: ({ code, message }) => this.#end("failed", code, message),
      onEvent: options.onEvent,
      ...(options.onCommand === undefined ? {} : { onCommand: options.onCommand }),
    });
  }

  /** What the round knows at the moment. */
  get state(): RoundState {
    return this.#edge.state;
  }

  /** True once the outcome is settled: nothing counts any more. */
  get isOver(): boolean {
    return this.#over;
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
    this.#edge.dispatch({ type: "pause", reason, owner });
  }

  /** Goes on after `pause`; does nothing to a run that is not paused. */
  resume(): void {
    this.#edge.dispatch({ type: "resume" });
  }

  /** Tells a worker to leave: it gets no other lease, finishes what it has begun, and ends. */
  drain(workerId: string, reason: string): void {
    this.#edge.dispatch({ type: "dismiss", workerId, reason });
  }

  /** Every wait that the run is in, the one that ends first in front; times on the clock of the run. */
  waits(): readonly Wait[] {
    return [...this.#recorder.waits, ...waits(this.#edge.state, this.#clock.nowMs())];
  }

  /** Lets a worker in; it speaks first. */
  attach(connection: CoordinatorConnection): void {
    this.#edge.attach(connection);
  }

  #tick(): void {
    if (this.#isHeld && !this.#recorder.isBehind) this.#nextStage();
    this.#edge.tick();
  }

  #complete(spec: RoundSpec, work: RoundWork): void {
    try {
      if (spec.kind === "train") this.#commit(spec, work);
      else this.#conclude(spec, work);
    } catch (error) {
      if (!(error instanceof ShoalError)) throw error;
      this.#end("failed", error.code, error.message);
      return;
    }
    this.#edge.restartTraffic();
    if (this.#edge.roundCount === 0) this.#nextStage();
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
    const [stats, nowMs] = [work.means(), this.#clock.nowMs()];
    const stepMs = nowMs - work.startedMs;
    const { busyMs, sentBytes } = this.#edge.traffic;
    // Before it is told: who hears of a step may end the run, and the step is part of what is saved then.
    this.#record(work, { type: "step", step, tasks: spec.taskCount, ...stats, stepMs }, gradientSum);
    this.#options.onEvent({
      type: "step",
      step,
      steps: plan.steps,
      stats,
      tasks: spec.taskCount,
      stepMs,
      coordinatorMs: busyMs,
      workersReady: this.#edge.state.members.filter(({ status }) => status.type === "ready").length,
      sentBytes,
      receivedBytes: work.receivedBytes,
    });
    if (step < plan.steps && this.#recorder.isCheckpointDue(step, nowMs)) this.#save();
  }

  #conclude(spec: RoundSpec, work: RoundWork): void {
    if (spec.purpose === "train") return;
    const { partOf } = this.#options;
    const evaluation: Evaluation = {
      purpose: spec.purpose,
      split: spec.split,
      step: spec.version,
      tasks: spec.taskCount,
      stats: work.intervals(),
      ...(partOf === undefined ? {} : { parts: work.intervalsByPart(partOf) }),
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
    for (const spec of next.value) this.#edge.start(spec);
  }

  #record(
    work: RoundWork,
    metric: Readonly<Record<string, unknown>>,
    gradientSum: Float32Array | null,
  ): void {
    const names = new Map(this.#edge.state.members.map(({ workerId, name }) => [workerId, name]));
    this.#recorder.commit({ work, params: this.#params, metric, gradientSum, names });
  }

  /** Saves the current version in the background. */
  #save(): void {
    const { runId, layout, experiment } = this.#options;
    const { dataHash } = this.#edge.state;
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
    this.#edge.settle();
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
      await this.#edge.finish(outcome.type, outcome.message ?? message);
      this.#options.onEvent({ type: "done", outcome });
      this.#finish(outcome);
    });
  }
}
