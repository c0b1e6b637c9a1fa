import type { OptimizerState, ParamLayout } from "@shoal/core/outer";
import type { Clock } from "@shoal/protocol";
import type { CoordinatorEvent, Evaluation } from "./coordinator-event.ts";
import type { Plan } from "./plan.ts";
import type { RoundSpec } from "./round-spec.ts";
import type { Command } from "./round-state.ts";
import type { RunDirectory } from "./run-directory.ts";

export interface RunOptions {
  /** The experiment as JSON, sent to every worker as it is. */
  readonly experiment: unknown;
  readonly runId: string;
  readonly incarnation: number;
  readonly layout: ParamLayout;
  /** Hash of the data that the run is bound to; null: the first worker's. */
  readonly dataHash: string | null;
  /** Where the run stands: at its beginning, or at a checkpoint. */
  readonly start: {
    readonly step: number;
    readonly params: Float32Array;
    readonly optimizer: OptimizerState;
    /** Evaluations of the steps before. */
    readonly evaluations: readonly Evaluation[];
  };
  readonly plan: Plan;
  readonly statNames: { readonly train: readonly string[]; readonly evaluate: readonly string[] };
  /** Where metrics and checkpoints go; null: nowhere. */
  readonly runDirectory: RunDirectory | null;
  /** Workers to wait for before the first lease, >= 1. */
  readonly workersMin: number;
  /** The part of the task source that an episode belongs to; then evaluations tell the score of each. */
  readonly partOf?: (split: RoundSpec["split"], episode: number) => string;
  /** How long to wait for them, in ms. Default `WORKER_WAIT_MS`. */
  readonly workerWaitMs?: number;
  /** How long to wait for room on a full disk, in ms. Default `FULL_DISK_MS`. */
  readonly fullDiskMs?: number;
  /** Largest gradient that is logged per step, in bytes. Default `LOG_GRADIENT_BYTES_MAX`. */
  readonly logGradientBytesMax?: number;
  /** Default: the clock of this process. */
  readonly clock?: Clock;
  /** Whether idle workers compute late blocks a second time. Default true. */
  readonly hedge?: boolean;
  /** Share of the blocks that two workers compute and whose bits are compared, 0 to 1. Default 0. */
  readonly audit?: number;
  readonly onEvent: (event: CoordinatorEvent) => void;
  /** Told of every command of the state machine, before it is carried out. */
  readonly onCommand?: (command: Command) => void;
}
