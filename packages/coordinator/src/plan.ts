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
  /** From mean meta-gradient to update: clips too. */
  readonly outer: Optimizer;
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
 * too, unless it is among the `evaluated`.
 */
export function* roundsOf(
  plan: Plan,
  step: number,
  evaluated: readonly Evaluation[] = [],
): Generator<RoundSpec> {
  if (plan.type === "evaluate") {
    yield evaluation("evaluate", plan.split, step, plan.tasks, plan.tasksPerLeaf);
    return;
  }
  for (const spec of trainRounds(plan)) {
    const isBefore = spec.version < step || (spec.purpose === "test-before" && step > 0);
    const isEvaluated = evaluated.some(
      ({ purpose, step, tasks }) =>
        purpose === spec.purpose && step === spec.version && tasks === spec.taskCount,
    );
    if (!isBefore && !isEvaluated) yield spec;
  }
}

/**
 * The same rounds in stages: those of one version, which need the same parameters, are under way together, so
 * that workers with nothing left to evaluate begin with the training step.
 */
export function* stagesOf(
  plan: Plan,
  step: number,
  evaluated: readonly Evaluation[] = [],
): Generator<readonly RoundSpec[]> {
  let stage: RoundSpec[] = [];
  for (const spec of roundsOf(plan, step, evaluated)) {
    if (stage.length > 0 && stage[0]!.version !== spec.version) {
      yield stage;
      stage = [];
    }
    stage.push(spec);
  }
  if (stage.length > 0) yield stage;
}

function* trainRounds(plan: TrainPlan): Generator<RoundSpec> {
  yield evaluation("test-before", "test", 0, plan.testTasks, plan.tasksPerLeaf);
  for (let version = 0; version < plan.steps; version++) {
    if (version > 0 && plan.evaluateEvery > 0 && version % plan.evaluateEvery === 0) {
      yield evaluation("validation", "validation", version, plan.validationTasks, plan.tasksPerLeaf);
    }
    yield {
      number: numberOf("train", version),
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
    yield evaluation("test-after", "test", plan.steps, plan.testTasks, plan.tasksPerLeaf);
  }
}

function evaluation(
  purpose: RoundSpec["purpose"],
  split: RoundSpec["split"],
  version: number,
  taskCount: number,
  tasksPerLeaf: number,
): RoundSpec {
  return {
    number: numberOf(purpose, version),
    purpose,
    kind: "evaluate",
    split,
    version,
    firstEpisode: 0,
    taskCount,
    tasksPerLeaf,
  };
}

/** What may be done with the parameters of one version, in order. */
const PURPOSES: readonly RoundSpec["purpose"][] = [
  "test-before",
  "validation",
  "train",
  "test-after",
  "evaluate",
];

/**
 * A result names its round by this number, and may come after a restart under another plan (more steps,
 * other validations): so it follows from the purpose and the version, and not from the position.
 */
function numberOf(purpose: RoundSpec["purpose"], version: number): number {
  return version * PURPOSES.length + PURPOSES.indexOf(purpose);
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
