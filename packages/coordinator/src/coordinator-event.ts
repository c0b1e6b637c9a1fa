import type { Interval } from "@shoal/core/outer";
import type { RefusedConnection } from "@shoal/protocol";
import type { RoundSpec } from "./round-spec.ts";

/** The outcome of one evaluation round: mean and 95 % interval over tasks, by statistic. */
export interface Evaluation {
  readonly purpose: Exclude<RoundSpec["purpose"], "train">;
  readonly split: RoundSpec["split"];
  /** Committed steps of the parameters. */
  readonly step: number;
  readonly tasks: number;
  readonly stats: Readonly<Record<string, Interval>>;
  /** The same for the tasks of each part of the task source, where it has parts. */
  readonly parts?: Readonly<Record<string, Pick<Evaluation, "tasks" | "stats">>>;
}

/** How a run ended. */
export interface Outcome {
  readonly type: "complete" | "stopped" | "failed";
  /** Committed steps. */
  readonly step: number;
  /** SHA-256 (hex) of the float32 little-endian parameters in layout order. */
  readonly paramsHash: string;
  /** Every evaluation of the run, those before a restart included. */
  readonly evaluations: readonly Evaluation[];
  /** Why it failed, for programs. */
  readonly code?: string;
  /** Why it was stopped or failed, for people. */
  readonly message?: string;
}

/** What a coordinator tells its owner. `worker` is the worker's name, host and pid. */
export type CoordinatorEvent =
  | { readonly type: "listening"; readonly url: string }
  /** Somebody was turned away, or went away, before saying hello. A flood of them is told in part. */
  | { readonly type: "connection-refused"; readonly refused: RefusedConnection }
  /** A bug: the handler of an HTTP endpoint threw. The run goes on. */
  | { readonly type: "endpoint-failed"; readonly endpoint: string; readonly message: string }
  | { readonly type: "connection-lost"; readonly peer: string; readonly reason: string }
  | {
      readonly type: "worker-joined";
      readonly workerId: string;
      readonly worker: string;
      readonly host: string;
      readonly pid: number;
      /** Of the worker's program. */
      readonly version: string;
    }
  | {
      readonly type: "worker-ready";
      readonly workerId: string;
      readonly worker: string;
      readonly device: string;
      readonly slots: number;
      readonly workersReady: number;
    }
  /** A relay has another number of slots: its workers came or went. */
  | {
      readonly type: "worker-slots";
      readonly workerId: string;
      readonly worker: string;
      readonly slots: number;
      readonly before: number;
    }
  | {
      /** It was told to leave: it finishes what it has begun and fits, and gets nothing new. */
      readonly type: "worker-draining";
      readonly workerId: string;
      readonly worker: string;
      readonly reason: string;
      /** Blocks that go to others. */
      readonly blocksReturned: number;
      /** Blocks that it finishes. */
      readonly blocksKept: number;
    }
  /** Somebody wants it to leave; it is told. */
  | {
      readonly type: "worker-dismissed";
      readonly workerId: string;
      readonly worker: string;
      readonly reason: string;
    }
  | {
      readonly type: "worker-left";
      readonly workerId: string;
      readonly worker: string;
      readonly reason: string;
      /** Blocks that go to others. */
      readonly blocksReturned: number;
      readonly workersReady: number;
    }
  | {
      readonly type: "worker-refused";
      readonly workerId: string;
      readonly worker: string;
      readonly code: string;
      readonly message: string;
    }
  | {
      /** Nothing moves until more workers are ready. Repeated whenever the list changes. */
      readonly type: "waiting";
      readonly workersMin: number;
      readonly ready: readonly string[];
      /** Workers that load their data and compile. */
      readonly preparing: readonly string[];
      /** The run fails in this many ms. */
      readonly remainingMs: number;
    }
  | { readonly type: "waiting-over"; readonly workersReady: number; readonly waitedMs: number }
  /** Somebody holds the run: no lease goes out until it is resumed. */
  | { readonly type: "paused"; readonly reason: string; readonly owner: string }
  | { readonly type: "resumed"; readonly pausedMs: number }
  /** This process did not run for `ms`: stopped, suspended, or out of breath. Deadlines are moved by it. */
  | { readonly type: "was-away"; readonly ms: number }
  | {
      readonly type: "round-started";
      readonly spec: RoundSpec;
      readonly leafCount: number;
      readonly workersReady: number;
    }
  | {
      readonly type: "lease-late";
      readonly worker: string;
      readonly tasks: string;
      readonly leaseMs: number;
      /** The worker is dropped in this many ms. */
      readonly abandonMs: number;
    }
  | {
      readonly type: "block-failed";
      readonly worker: string;
      readonly tasks: string;
      readonly reason: string;
      readonly failures: number;
      readonly failuresMax: number;
    }
  | {
      readonly type: "result-unused";
      readonly worker: string;
      readonly status: "stale" | "duplicate";
      readonly round: number;
      readonly index: number;
    }
  | {
      /** Two workers computed one block to different bits: other devices, or broken hardware. */
      readonly type: "result-mismatch";
      readonly workers: readonly [string, string];
      readonly tasks: string;
      readonly floatsDifferent: number;
    }
  | {
      readonly type: "step";
      /** Committed steps, this one included. */
      readonly step: number;
      readonly steps: number;
      /** Mean over the step's tasks, by statistic. */
      readonly stats: Readonly<Record<string, number>>;
      readonly tasks: number;
      /** From the round's start to the new version. */
      readonly stepMs: number;
      /** Part of it that this process was busy. */
      readonly coordinatorMs: number;
      readonly workersReady: number;
      readonly sentBytes: number;
      readonly receivedBytes: number;
    }
  | { readonly type: "evaluation"; readonly evaluation: Evaluation; readonly ms: number }
  | {
      readonly type: "checkpoint-saved";
      readonly step: number;
      readonly path: string;
      readonly paramsHash: string;
      readonly bytes: number;
      readonly ms: number;
    }
  | {
      /** The disk is full: the run stands still, and tries again. Repeated at every attempt. */
      readonly type: "disk-full";
      /** What could not be written. */
      readonly what: string;
      /** What the disk said. */
      readonly message: string;
      /** The run ends in this many ms. */
      readonly remainingMs: number;
    }
  | { readonly type: "disk-has-room"; readonly waitedMs: number }
  | { readonly type: "checkpoint-failed"; readonly step: number; readonly message: string }
  | { readonly type: "done"; readonly outcome: Outcome };
