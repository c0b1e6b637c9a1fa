import type { CoordinatorMessage, WorkerMessage, WorkerWait } from "@shoal/protocol";
import type { CoordinatorEvent } from "./coordinator-event.ts";
import type { RoundSpec } from "./round-spec.ts";

/** What does not change while a coordinator runs. */
export interface Settings {
  readonly runId: string;
  readonly incarnation: number;
  /** JSON, sent to every worker. */
  readonly experiment: unknown;
  readonly paramCount: number;
  /** Statistics per task. */
  readonly statCounts: { readonly train: number; readonly evaluate: number };
  /** Workers that must be ready before the first lease. */
  readonly workersMin: number;
  readonly workerWaitMs: number;
  readonly prepareMs: number;
  readonly heartbeatMs: number;
  readonly silenceMs: number;
  readonly leaseMsMin: number;
  readonly leaseMsUnmeasured: number;
  /** Leaves in one block of a worker whose speed is not known yet. */
  readonly leavesUnmeasured: number;
  /** Whether unfinished blocks are computed a second time by workers that have nothing else to do. */
  readonly hedge: boolean;
  /** Share of the blocks that two workers compute, to be compared: 0 to 1. */
  readonly audit: number;
  /** Whether rounds end in their order; else each ends when its blocks are in. */
  readonly inOrder: boolean;
}

/** A worker that said hello. */
export interface Member {
  readonly workerId: string;
  /** Name, host and pid, for people. */
  readonly name: string;
  /** The name alone, as it was given to the worker. */
  readonly givenName: string;
  /** Its name and host: the same when it comes back, as another process, too. */
  readonly identity: string;
  readonly status: { readonly type: "preparing"; readonly untilMs: number } | Ready;
  readonly heardMs: number;
  /** Version of the parameters it was sent last; null: none. */
  readonly version: number | null;
  /** Mean compute time of one leaf, in ms, by kind; null: not measured. */
  readonly leafMs: { readonly train: number | null; readonly evaluate: number | null };
  /** Mean time that an answer takes beside the computing, in ms: wire, queues, messages; 0 while not measured. */
  readonly lagMs: number;
  /** Leases that ran out, or were revoked, and are not answered yet. */
  readonly late: readonly LateLease[];
  /** Failures since its last accepted result. */
  readonly failuresInRow: number;
  /** Set once it was told to leave. */
  readonly dismissal: Dismissal | null;
  /** What it said in its last heartbeat that it waits for; null: it computes, or has not said. */
  readonly wait: { readonly for: WorkerWait["for"]; readonly sinceMs: number } | null;
}

/** Somebody wants a worker to leave. */
export interface Dismissal {
  /** Who and why, for people. */
  readonly reason: string;
  readonly sinceMs: number;
  /** When it is dropped if it is still there. */
  readonly untilMs: number;
}

export interface Ready {
  readonly type: "ready";
  readonly slots: number;
  /** Each block is divided among the slots, as a relay does. */
  readonly dividesBlocks: boolean;
  readonly device: string;
  /** It was told to leave, and finishes what it has begun: nothing new is leased to it. */
  readonly isDraining: boolean;
}

/** Who holds the run, why, and since when. */
export interface Pause {
  readonly reason: string;
  readonly owner: string;
  readonly sinceMs: number;
}

/** A lease that is over for the coordinator, and perhaps not for its worker. */
export interface LateLease {
  readonly leaseId: number;
  readonly round: number;
  readonly level: number;
  readonly index: number;
  /** `expired`: a worker that owes such an answer gets no other lease. `revoked`: it is told to stop. */
  readonly why: "expired" | "revoked";
  /** Whether the worker is believed to have begun it, so that it may still keep a slot busy. */
  readonly hasBegun: boolean;
  /** When it ran out or was revoked. */
  readonly sinceMs: number;
  /** When the worker is dropped for it. */
  readonly abandonMs: number;
}

export interface BlockLease {
  readonly leaseId: number;
  readonly workerId: string;
  readonly issuedMs: number;
  /** When the worker is believed to have begun; null: it waits behind others of this worker. */
  readonly begunMs: number | null;
  readonly deadlineMs: number;
}

export interface BlockFailure {
  /** `identity` of the worker. */
  readonly worker: string;
  readonly reason: string;
}

/** The worker whose result counts for a block. */
export interface Winner {
  readonly workerId: string;
  readonly name: string;
  readonly device: string;
}

/** One block of the round: a node of the tree over its leaves. */
export interface Block {
  readonly level: number;
  readonly index: number;
  /** Set once a result counts. */
  readonly winner: Winner | null;
  /** Live leases, at most `COPIES_MAX`; none while the block waits for a worker. */
  readonly leases: readonly BlockLease[];
  readonly failures: readonly BlockFailure[];
  /** A second worker's copy is wanted, to be compared. */
  readonly isAudited: boolean;
}

export interface Round {
  readonly spec: RoundSpec;
  /** A partition of the round's leaves, in their order; at first one block. Blocks are split as they are leased. */
  readonly blocks: readonly Block[];
  /** Set with the first lease. */
  readonly hasBegun: boolean;
  /** Leaves that were leased a second time because a worker had nothing else to do. */
  readonly hedgedLeaves: number;
}

export interface RoundState {
  readonly settings: Settings;
  readonly members: readonly Member[];
  /** The rounds under way, in the order in which they end; all with parameters of one version. */
  readonly rounds: readonly Round[];
  /** Committed steps. */
  readonly version: number;
  /** The data that the run is bound to; null until a worker says. */
  readonly dataHash: string | null;
  readonly nextLeaseId: number;
  readonly nextHeartbeatMs: number;
  /** `workersMin` workers were ready once; from then on one is enough. */
  readonly gathered: boolean;
  /** Set while too few workers are ready. */
  readonly awaiting: { readonly sinceMs: number; readonly untilMs: number } | null;
  /** Set while somebody holds the run: no lease goes out, those that are out are finished. */
  readonly paused: Pause | null;
  /** Workers that were told to leave, by name: who comes back because it did not hear it is told again. */
  readonly dismissed: readonly { readonly name: string; readonly reason: string }[];
  /** Set once the run is over: what every worker is told. */
  readonly over: { readonly outcome: "complete" | "stopped" | "failed"; readonly message: string } | null;
}

export type Hello = Extract<WorkerMessage, { type: "hello" }>;
export type ReadyMessage = Extract<WorkerMessage, { type: "ready" }>;
export type ResultMessage = Extract<WorkerMessage, { type: "result" }>;
export type FailedMessage = Extract<WorkerMessage, { type: "failed" }>;

/** What happened. */
export type RoundEvent =
  | { readonly type: "start"; readonly spec: RoundSpec }
  /** Nobody wants the round any more. */
  | { readonly type: "cancel"; readonly round: number }
  | { readonly type: "hello"; readonly workerId: string; readonly message: Hello }
  | { readonly type: "ready"; readonly workerId: string; readonly message: ReadyMessage }
  | {
      readonly type: "result";
      readonly workerId: string;
      readonly message: ResultMessage;
      readonly bodyFloats: number;
      /** What is wrong with the floats, such as "episode 12: loss is NaN"; null: they are finite. */
      readonly invalid: string | null;
    }
  | { readonly type: "failed"; readonly workerId: string; readonly message: FailedMessage }
  | {
      readonly type: "heartbeat";
      readonly workerId: string;
      readonly leases: readonly number[];
      readonly wait?: WorkerWait | undefined;
      readonly slots?: number | undefined;
    }
  /** Bytes came from the worker, at `atMs`. */
  | { readonly type: "heard"; readonly workerId: string; readonly atMs: number }
  | { readonly type: "left"; readonly workerId: string; readonly reason: string }
  /** A worker will leave soon, and gives back the leases that it will not finish. */
  | {
      readonly type: "draining";
      readonly workerId: string;
      readonly reason: string;
      readonly leases: readonly number[];
    }
  /** Somebody wants the worker to leave. */
  | { readonly type: "dismiss"; readonly workerId: string; readonly reason: string }
  | { readonly type: "pause"; readonly reason: string; readonly owner: string }
  | { readonly type: "resume" }
  | { readonly type: "tick" }
  /** This process did not run for `ms`. */
  | { readonly type: "away"; readonly ms: number }
  | {
      readonly type: "finish";
      readonly outcome: "complete" | "stopped" | "failed";
      readonly message: string;
    };

/** What to do about it; the edge carries commands out in order. */
export type Command =
  | { readonly type: "send"; readonly workerId: string; readonly message: CoordinatorMessage }
  /** Send the parameters of the current version. */
  | { readonly type: "sendParams"; readonly workerId: string; readonly version: number }
  | { readonly type: "close"; readonly workerId: string; readonly code: number; readonly reason: string }
  /**
   * The result at hand counts as block `(level, index)`. `keep`: somebody else still computes this block;
   * keep the floats to compare.
   */
  | {
      readonly type: "accept";
      readonly workerId: string;
      readonly round: number;
      readonly level: number;
      readonly index: number;
      readonly keep: boolean;
    }
  /** The result at hand is a second copy of a block that counts already, from an equal device. */
  | {
      readonly type: "compare";
      readonly round: number;
      readonly level: number;
      readonly index: number;
      /** Names, for people: whose result counts, and whose is at hand. */
      readonly workers: readonly [string, string];
    }
  /** All blocks of the round are in; the rounds before it are complete, where the order counts. */
  | { readonly type: "complete"; readonly spec: RoundSpec }
  | { readonly type: "notify"; readonly event: CoordinatorEvent }
  /** A round cannot go on, or, where none is named, nothing can. */
  | {
      readonly type: "fail";
      readonly round: number | null;
      readonly code: string;
      readonly message: string;
    };

export interface Step {
  readonly state: RoundState;
  readonly commands: readonly Command[];
}
