import { type Optimizer, type OptimizerState, paramsHash, ShoalError } from "@shoal/core/outer";
import { floatsOfBytes } from "../float-bytes.ts";
import { outerStep } from "../outer-step.ts";
import type { LoggedRound } from "./read-log.ts";

/** Where a run stands. */
export interface Standing {
  /** Committed steps. */
  readonly step: number;
  readonly params: Float32Array;
  readonly optimizer: OptimizerState;
}

export interface Replayed extends Standing {
  readonly hash: string;
  /** The rounds that led here, training and evaluation, in order. */
  readonly rounds: readonly LoggedRound[];
  /** Why it does not go on although the log holds later steps; null: it holds none. */
  readonly stoppedBy: ReplayStop | null;
}

export interface ReplayStop {
  /**
   * `missing`: the next step is not in the log. `no-gradient`: its gradient was too large to be logged.
   * `wrong`: its gradient does not lead to the parameters that its record names.
   */
  readonly type: "missing" | "no-gradient" | "wrong";
  /** The step that could not be taken. */
  readonly step: number;
  /** The latest step in the log. */
  readonly lastStep: number;
}

/**
 * Goes on from a checkpoint by the gradients of the log: each step is taken again by the same arithmetic,
 * and must lead to the parameters whose hash its record names.
 *
 * Of two records of one step the later incarnation's counts; both hold the same bits, as far as the
 * devices are of one kind.
 */
export function replayLog(start: Standing, logged: readonly LoggedRound[], outer: Optimizer): Replayed {
  const byVersion = groupByVersion(logged);
  const lastStep = logged.reduce(
    (last, { head }) => (head.purpose === "train" ? Math.max(last, head.version + 1) : last),
    start.step,
  );
  const rounds: LoggedRound[] = [];
  let { step, params, optimizer } = start;
  let hash = paramsHash(params);
  for (;;) {
    // Several of one incarnation are several evaluations, or tests of different sizes.
    const here = (byVersion.get(step) ?? []).filter(({ head }) => head.parent === hash);
    rounds.push(...here.filter(({ head }) => head.purpose !== "train"));
    const trained = here.filter(({ head }) => head.purpose === "train").at(-1);
    const stop = (type: ReplayStop["type"]): Replayed => ({
      step,
      params,
      optimizer,
      hash,
      rounds,
      stoppedBy: lastStep <= step ? null : { type, step: step + 1, lastStep },
    });
    if (trained === undefined) return stop("missing");
    if (trained.head.gradientFloats !== params.length) return stop("no-gradient");
    const next = takeStep({ step, params, optimizer }, trained, outer);
    if (next === null || paramsHash(next.params) !== trained.head.paramsHash) return stop("wrong");
    rounds.push(trained);
    ({ step, params, optimizer } = next);
    hash = trained.head.paramsHash;
  }
}

function takeStep(
  { step, params, optimizer }: Standing,
  { head, body }: LoggedRound,
  outer: Optimizer,
): Standing | null {
  const gradientSum = floatsOfBytes(body.subarray(0, 4 * head.gradientFloats));
  try {
    const next = outerStep({ params, optimizer, gradientSum, taskCount: head.tasks, outer });
    return { step: step + 1, ...next };
  } catch (error) {
    // Parameters that are not finite are never committed: the record is not what was written.
    if (error instanceof ShoalError) return null;
    throw error;
  }
}

function groupByVersion(logged: readonly LoggedRound[]): Map<number, LoggedRound[]> {
  const groups = new Map<number, LoggedRound[]>();
  for (const round of logged) {
    const group = groups.get(round.head.version);
    if (group === undefined) groups.set(round.head.version, [round]);
    else group.push(round);
  }
  return groups;
}
