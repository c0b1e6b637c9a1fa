import { type Optimizer, ShoalError } from "@shoal/core/outer";
import type { Lease } from "@shoal/protocol";
import type { Evaluation } from "./coordinator-event.ts";
import type { RoundSpec } from "./round-spec.ts";

export interface TrainPlan {
  readonly type: "train";
  /** Tasks per step. */
  readonly metaBatch: number;
  readonly tasksPerLeaf: number;
  /** Steps of the whole run. */
  readonly steps: number;
  /** Validation every this many steps; 0: never. */
  readonly evaluateEvery: number;
  readonly validationTasks: number;
  readonly testTasks: number;
  readonly outer: Optimizer;
  /** Each element of the mean meta-gradient is clipped to +-clip; null: not clipped. */
  readonly clip: number | null;
  /** A checkpoint after this many steps or ms, whichever comes first; one at the end in any case. */
  readonly checkpointEverySteps: number;
  readonly checkpointEveryMs: number;
}

export interface EvaluatePlan {
  readonly type: "evaluate";
  readonly split: Lease["split"];
  readonly tasks: number;
  readonly tasksPerLeaf: number;
}

export type Plan = TrainPlan | EvaluatePlan;

/**
 * The rounds of a run that starts with `step` committed steps, in order.
 *
 * A training run tests before its first step, validates after every `evaluateEvery` steps and tests
 * after the last. A run resumed at step `s` starts with what follows step `s`: the validation of step `s`
 * too, unless it is among the `evaluated`. Round numbers are positions in the plan of the whole run, so
 * they survive a restart.
 */
export function* roundsOf(
  plan: Plan,
  step: number,
  evaluated: readonly Evaluation[] = [],
): Generator<RoundSpec> {
  if (plan.type === "evaluate") {
    yield evaluation(0, "evaluate", plan.split, step, plan.tasks, plan.tasksPerLeaf);
    return;
  }
  let number = 0;
  for (const round of trainRounds(plan)) {
    const spec = { ...round, number };
    number++;
    const isBefore = spec.version < step || (spec.purpose === "test-before" && step > 0);
    const isEvaluated = evaluated.some(
      ({ purpose, step, tasks }) =>
        purpose === spec.purpose && step === spec.version && tasks === spec.taskCount,
    );
    if (!isBefore && !isEvaluated) yield spec;
  }
}

function* trainRounds(plan: TrainPlan): Generator<RoundSpec> {
  yield evaluation(0, "test-before", "test", 0, plan.testTasks, plan.tasksPerLeaf);
  for (let version = 0; version < plan.steps; version++) {
    if (version > 0 && plan.evaluateEvery > 0 && version % plan.evaluateEvery === 0) {
      yield evaluation(0, "validation", "validation", version, plan.validationTasks, plan.tasksPerLeaf);
    }
    yield {
      number: 0,
      purpose: "train",
      kind: "train",
      split: "train",
      version,
      firstEpisode: version * plan.metaBatch,
      taskCount: plan.metaBatch,
      tasksPerLeaf: plan.tasksPerLeaf,
    };
  }
  // Without a step there is nothing between the two tests.
  if (plan.steps > 0) {
    yield evaluation(0, "test-after", "test", plan.steps, plan.testTasks, plan.tasksPerLeaf);
  }
}

function evaluation(
  number: number,
  purpose: RoundSpec["purpose"],
  split: RoundSpec["split"],
  version: number,
  taskCount: number,
  tasksPerLeaf: number,
): RoundSpec {
  return { number, purpose, kind: "evaluate", split, version, firstEpisode: 0, taskCount, tasksPerLeaf };
}

/**
 * @throws {ShoalError} E_CONFIG where a task count is no multiple of `tasksPerLeaf`
 */
export function checkPlan(plan: Plan): void {
  const counts: Record<string, number> =
    plan.type === "evaluate"
      ? { tasks: plan.tasks }
      : { metaBatch: plan.metaBatch, validationTasks: plan.validationTasks, testTasks: plan.testTasks };
  for (const [name, count] of Object.entries(counts)) {
    if (Number.isInteger(count) && count >= 1 && count % plan.tasksPerLeaf === 0) continue;
    throw new ShoalError(
      "E_CONFIG",
      `${name}: expected a multiple of tasksPerLeaf (${plan.tasksPerLeaf}), got ${count}; change one of the two`,
    );
  }
}
