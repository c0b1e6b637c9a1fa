import { z } from "zod";

/**
 * Every message on the wire. A message is a small header (below) and, for `params` and `result`, a
 * raw float32 body. Names: C is the coordinator, W a worker.
 *
 * W hello -> C welcome -> W ready -> C params, lease, lease -> W result -> C answer, lease ...
 */

export const PROTOCOL_VERSION_MIN = 1;
export const PROTOCOL_VERSION_MAX = 1;

const count = z.int().min(0);

/** Milliseconds that a timer can wait: Node's fire at once above 2^31 - 1. */
const interval = z.int().min(1).max(0x7fff_ffff);

/**
 * Text of the other side, which ends on terminals and in logs: control characters (escape sequences, line
 * breaks) and marks that turn the writing direction are replaced. Messages and reasons keep their line breaks.
 */
const line = z
  .string()
  .max(4096)
  .overwrite((value) => value.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd"));
const text = z
  .string()
  .max(4096)
  .overwrite((value) => value.replace(/[^\P{Cc}\n\t]|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, "\ufffd"));

/** W -> C, first message. */
export const helloSchema = z.strictObject({
  type: z.literal("hello"),
  protocolMin: count,
  protocolMax: count,
  /** Name a person gave this worker, or host:pid. */
  name: line,
  version: line,
  host: line,
  pid: count,
});

/** C -> W: accepted so far. The worker now loads its data and compiles. */
export const welcomeSchema = z.strictObject({
  type: z.literal("welcome"),
  protocol: count,
  runId: line,
  workerId: line,
  /** Raised by every start of the coordinator of this run. */
  incarnation: count,
  /** The worker sends a heartbeat every this many ms. */
  heartbeatMs: interval,
  /** Either side drops the other after this many ms without a message. */
  silenceMs: interval,
  /** The experiment (JSON), opaque to the protocol. */
  experiment: z.unknown(),
  /** Data hash that this run is bound to; null until the first worker has said its own. */
  dataHash: line.nullable(),
  /** How many floats a result has: what a relay, which compiles nothing, cannot know. Workers need none of it. */
  sizes: z
    .strictObject({
      /** Floats of a gradient. */
      params: z.int().min(1),
      /** Statistics of a task. */
      trainStats: count,
      evaluateStats: count,
    })
    .optional(),
});

/** W -> C: data loaded, graphs compiled, able to take leases. */
export const readySchema = z.strictObject({
  type: z.literal("ready"),
  dataHash: line,
  device: line,
  /** Blocks that this worker computes at the same time. */
  slots: z.int().min(1),
  /** A relay divides every block among its slots; a worker computes each on one. */
  dividesBlocks: z.boolean().optional(),
  /** Floats in the flat parameter vector of the model that the worker compiled. */
  paramCount: z.int().min(1),
});

/** C -> W: parameters at `version` (the number of committed steps). Body: float32 [paramCount]. */
export const paramsSchema = z.strictObject({ type: z.literal("params"), version: count });

/** C -> W: compute one block of leaves with the parameters at `version`. */
export const leaseSchema = z.strictObject({
  type: z.literal("lease"),
  leaseId: count,
  /** Which round the block belongs to: a number that no other round of the run has, before or after a restart. */
  round: count,
  kind: z.enum(["train", "evaluate"]),
  version: count,
  split: z.enum(["train", "validation", "test"]),
  /** The block covers leaves [index << level, (index + 1) << level), cut at the round's last leaf. */
  level: count,
  index: count,
  /** Leaves in the round. */
  leafCount: z.int().min(1),
  /** Tasks per leaf; every leaf is full. */
  tasksPerLeaf: z.int().min(1),
  /** Episode index of the round's first task. */
  firstEpisode: count,
  /** Tasks in the round. */
  taskCount: z.int().min(1),
  /** The coordinator gives the block to somebody else after this many ms. */
  leaseMs: count,
});

/**
 * W -> C: a finished block. Body: float32 [tasks in block x statCount] task statistics, row by row,
 * then, for `train`, float32 [paramCount], the sum of the block's gradients by the reduction tree.
 */
export const resultSchema = z.strictObject({
  type: z.literal("result"),
  leaseId: count,
  round: count,
  version: count,
  level: count,
  index: count,
  taskCount: z.int().min(1),
  statCount: z.int().min(1),
  /** Milliseconds that the compute thread was busy with this block. */
  computeMs: z.number().min(0),
  /** Floats of the gradient, where all are bfloat16 and travel as that (`packed-gradient.ts`). Absent: in full. */
  packedFloats: z.int().min(1).optional(),
});

/** C -> W: what became of a result. `stale` and `duplicate` name the version that now counts. */
export const answerSchema = z.strictObject({
  type: z.literal("answer"),
  leaseId: count,
  status: z.enum(["accepted", "duplicate", "stale", "rejected"]),
  version: count,
  /** Why a result was rejected. */
  reason: text.optional(),
});

/** W -> C: the block could not be computed here. */
export const failedSchema = z.strictObject({
  type: z.literal("failed"),
  leaseId: count,
  code: line,
  message: text,
});

/** What a worker that computes nothing waits for, beside the coordinator itself. */
export const WORKER_WAITS = ["data", "graphs", "workers", "parameters", "lease"] as const;

/** Both ways, every `heartbeatMs`. */
export const heartbeatSchema = z.strictObject({
  type: z.literal("heartbeat"),
  /** Lease ids held; from the coordinator: none. */
  leases: z.array(count).max(4096),
  /** From a worker that computes nothing: since when, in ms. */
  wait: z.strictObject({ for: z.enum(WORKER_WAITS), ms: z.number().min(0) }).optional(),
  /** From a relay: blocks that it computes at the same time from now on, being more or fewer than it said last. */
  slots: z.int().min(1).optional(),
});

/**
 * C -> W: these leases no longer count. The worker drops what has not begun, stops what runs after its current
 * leaf, and says `failed` with E_REVOKED for each; one that is done already is handed in.
 */
export const revokeSchema = z.strictObject({
  type: z.literal("revoke"),
  leaseIds: z.array(count).max(4096),
});

/**
 * W -> C: this worker will leave soon. The leases named here go to others at once; what it holds beside them it
 * still hands in, and it takes no new ones.
 */
export const drainingSchema = z.strictObject({
  type: z.literal("draining"),
  reason: text,
  leases: z.array(count).max(4096),
});

/** C -> W: somebody wants this worker to leave: it says `draining`, finishes what fits, and ends. */
export const drainSchema = z.strictObject({ type: z.literal("drain"), reason: text });

/** W -> C: this worker leaves now; its leases go to others at once. */
export const leavingSchema = z.strictObject({ type: z.literal("leaving"), reason: text });

/** C -> W: the run is over; `complete` or `stopped`. The worker exits 0 on `complete`. */
export const doneSchema = z.strictObject({
  type: z.literal("done"),
  outcome: z.enum(["complete", "stopped", "failed"]),
  message: text,
});

/** C -> W: this worker is not wanted, for a reason that trying again does not change. */
export const refuseSchema = z.strictObject({ type: z.literal("refuse"), code: line, message: text });

export const workerMessageSchema = z.discriminatedUnion("type", [
  helloSchema,
  readySchema,
  resultSchema,
  failedSchema,
  heartbeatSchema,
  drainingSchema,
  leavingSchema,
]);

export const coordinatorMessageSchema = z.discriminatedUnion("type", [
  welcomeSchema,
  paramsSchema,
  leaseSchema,
  answerSchema,
  heartbeatSchema,
  revokeSchema,
  drainSchema,
  doneSchema,
  refuseSchema,
]);

export type WorkerMessage = z.infer<typeof workerMessageSchema>;
export type CoordinatorMessage = z.infer<typeof coordinatorMessageSchema>;
export type WorkerWait = NonNullable<z.infer<typeof heartbeatSchema>["wait"]>;
export type Lease = z.infer<typeof leaseSchema>;
export type Result = z.infer<typeof resultSchema>;
export type Welcome = z.infer<typeof welcomeSchema>;
