import {
  HEARTBEAT_MS,
  LEASE_MS_MIN,
  LEASE_MS_UNMEASURED,
  LEAVES_PER_BLOCK_UNMEASURED,
  PREPARE_MS,
  SILENCE_MS,
  WORKER_WAIT_MS,
} from "./limits.ts";
import type { Settings } from "./round-state.ts";
import type { RunOptions } from "./run-options.ts";

/** What of a run its state machine has to know. */
export type SettingsOptions = Pick<
  RunOptions,
  | "runId"
  | "incarnation"
  | "experiment"
  | "layout"
  | "statNames"
  | "workersMin"
  | "workerWaitMs"
  | "hedge"
  | "audit"
> & {
  /** Default: true. */
  readonly inOrder?: boolean;
};

/** What the state machine is told once: the run's own facts, and the limits of `limits.ts`. */
export function settingsOf(options: SettingsOptions): Settings {
  const { runId, incarnation, experiment, layout, statNames, workersMin } = options;
  return {
    runId,
    incarnation,
    experiment,
    paramCount: layout.size,
    statCounts: { train: statNames.train.length, evaluate: statNames.evaluate.length },
    workersMin,
    workerWaitMs: options.workerWaitMs ?? WORKER_WAIT_MS,
    prepareMs: PREPARE_MS,
    heartbeatMs: HEARTBEAT_MS,
    silenceMs: SILENCE_MS,
    leaseMsMin: LEASE_MS_MIN,
    leaseMsUnmeasured: LEASE_MS_UNMEASURED,
    leavesUnmeasured: LEAVES_PER_BLOCK_UNMEASURED,
    hedge: options.hedge ?? true,
    audit: options.audit ?? 0,
    inOrder: options.inOrder ?? true,
  };
}
