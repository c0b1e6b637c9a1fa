import type { Clock, Lease, Welcome, WorkerConnection, WorkerWait } from "@shoal/protocol";
import type { BlockResult } from "./block-job.ts";
import type { BlockProgram } from "./block-program.ts";
import type { WorkerEvent } from "./worker-event.ts";

/** A finished block that no coordinator has answered yet. */
export interface FinishedBlock {
  readonly lease: Lease;
  readonly result: BlockResult;
}

/** How a connection to a coordinator ended. */
export type SessionEnd =
  /** The coordinator is gone, or silent: worth another try. */
  | { readonly type: "lost"; readonly reason: string }
  /** The coordinator wants no more of this worker, for a reason that trying again does not change. */
  | { readonly type: "refused"; readonly code: string; readonly message: string }
  /** This worker cannot do the work. */
  | { readonly type: "unable"; readonly code: string; readonly message: string }
  | { readonly type: "done"; readonly outcome: "complete" | "stopped" | "failed"; readonly message: string }
  | { readonly type: "left" };

export interface SessionOptions {
  readonly connection: WorkerConnection;
  readonly clock: Clock;
  readonly name: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** Finished blocks of the connection before; taken over if the run is the same. */
  readonly finished: readonly FinishedBlock[];
  readonly finishedRunId: string | null;
  /** Opens the program of a run, or returns the one that is open already. */
  readonly openProgram: (welcome: Welcome) => Promise<BlockProgram>;
  readonly signal: AbortSignal;
  /** Takes a block that was finished after the connection was lost. */
  readonly onOrphan: (block: FinishedBlock) => void;
  readonly onEvent: (event: WorkerEvent) => void;
  /** What this worker waits for while it has no lease; null: nothing. */
  readonly wait: () => WorkerWait | null;
}
