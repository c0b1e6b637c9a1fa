import type { GraphCacheEvent } from "@shoal/graph/run";

/** What a worker tells its caller; only the command line prints. */
export type WorkerEvent =
  | GraphCacheEvent
  /** No connection; the next attempt comes in `retryMs`, the last before `deadlineMs` from now. */
  | {
      readonly type: "waiting";
      readonly reason: string;
      readonly retryMs: number;
      readonly deadlineMs: number;
    }
  /** Nothing has moved for a while: told after 5 s, and then whenever the wait has doubled. */
  | {
      readonly type: "still-waiting";
      /** A connection; the data to be open; compiled graphs; a relay's workers; something to compute. */
      readonly for: "coordinator" | "data" | "graphs" | "workers" | "lease";
      readonly waitedMs: number;
    }
  | { readonly type: "connected"; readonly runId: string; readonly workerId: string; readonly peer: string }
  /** Opening the data, or gathering a relay's workers. */
  | { readonly type: "preparing"; readonly what: "data" | "workers" }
  /** The data is open; compiling the graphs. */
  | { readonly type: "compiling" }
  | {
      readonly type: "ready";
      /** Names of the devices. */
      readonly device: string;
      /** Blocks computed at the same time. */
      readonly slots: number;
      readonly dataHash: string;
      /** What the data is, for people. */
      readonly description: string;
      readonly openMs: number;
      readonly compileMs: number;
      /** Estimate of the peak of all compute threads. */
      readonly memoryBytes: number;
    }
  | {
      readonly type: "block";
      readonly kind: "train" | "evaluate";
      readonly version: number;
      readonly taskCount: number;
      readonly computeMs: number;
    }
  | { readonly type: "block-failed"; readonly code: string; readonly message: string }
  /** Somebody at the coordinator wants this worker to leave. */
  | { readonly type: "dismissed"; readonly reason: string }
  /** The connection is gone; finished blocks are kept for the next one. */
  | { readonly type: "lost"; readonly reason: string; readonly keptResults: number };
