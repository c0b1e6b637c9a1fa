import type { Random } from "@shoal/core/outer";

/** What goes wrong with the next block that a worker computes. */
export const TROUBLES = [
  "not-a-number",
  "wrong-bits",
  "wrong-shape",
  "failure",
  "late",
  "never",
  "liar",
] as const;

export type Trouble = (typeof TROUBLES)[number];

/** Something that happens to a run at a moment. `worker` is a number; it counts round the workers there are. */
export type Fault = { readonly atMs: number } & (
  | { readonly type: "worker-kill"; readonly worker: number; readonly restartMs: number }
  /** Its machine loses power: nobody is told. */
  | { readonly type: "worker-power"; readonly worker: number; readonly restartMs: number }
  /** SIGTERM: it gives its leases back. */
  | { readonly type: "worker-leave"; readonly worker: number; readonly restartMs: number }
  /** An administrator has the coordinator tell it to leave. */
  | { readonly type: "worker-drain"; readonly worker: number }
  /** SIGSTOP, and SIGCONT `ms` later. */
  | { readonly type: "worker-stop"; readonly worker: number; readonly ms: number }
  /** Its clock goes on `ms` later than it was. */
  | { readonly type: "worker-clock"; readonly worker: number; readonly ms: number }
  | { readonly type: "worker-trouble"; readonly worker: number; readonly trouble: Trouble }
  | { readonly type: "coordinator-kill"; readonly restartMs: number }
  /** Its machine loses power: only what was synced is left, for sure. */
  | { readonly type: "coordinator-power"; readonly restartMs: number }
  /** It loses power at the `operation`-th change of the disk from now. */
  | { readonly type: "coordinator-power-at"; readonly operation: number; readonly restartMs: number }
  | { readonly type: "coordinator-stop"; readonly ms: number }
  | { readonly type: "coordinator-clock"; readonly ms: number }
  /** SIGTERM: it ends the run, and is started again. */
  | { readonly type: "coordinator-leave"; readonly restartMs: number }
  | { readonly type: "pause"; readonly ms: number }
  | { readonly type: "disk-full"; readonly ms: number }
  /** A connection breaks, and both ends are told. */
  | { readonly type: "cut"; readonly worker: number }
  /** A connection is dead, and neither end is told. */
  | { readonly type: "half-open"; readonly worker: number; readonly direction: "both" | "up" | "down" }
  /** Nothing arrives on a connection for a while. */
  | { readonly type: "stall"; readonly worker: number; readonly ms: number }
  /** The coordinator cannot be reached from some workers. */
  | { readonly type: "partition"; readonly workers: readonly number[]; readonly ms: number }
);

export type FaultType = Fault["type"];

/** Troubles that cost a block one of its few failures. */
const BLAMED: readonly Trouble[] = ["not-a-number", "wrong-shape", "failure", "never"];

const FAULT_TYPES = [
  "worker-kill",
  "worker-power",
  "worker-leave",
  "worker-stop",
  "worker-clock",
  "worker-trouble",
  "coordinator-kill",
  "coordinator-power",
  "coordinator-power-at",
  "coordinator-stop",
  "coordinator-clock",
  "coordinator-leave",
  "pause",
  "disk-full",
  "cut",
  "half-open",
  "stall",
  "partition",
] as const satisfies readonly FaultType[];

export interface DrawOptions {
  readonly count: number;
  readonly windowMs: number;
  readonly workers: number;
  /** How many troubles may cost a block a failure: too many of them end a run, and rightly. */
  readonly blamedMax: number;
}

/**
 * Draws the faults of one run: of some types (each run leaves others out, so that rare mixtures come up),
 * over the first `windowMs`.
 */
export function drawFaults(
  random: Random,
  { count, windowMs, workers, blamedMax }: DrawOptions,
): readonly Fault[] {
  const types = FAULT_TYPES.filter(() => random.int(2) === 0);
  if (types.length === 0) types.push("worker-kill");
  let blamed = 0;
  const faults: Fault[] = [];
  for (let i = 0; i < count; i++) {
    const fault = drawFault(random, types[random.int(types.length)]!, windowMs, workers);
    const isBlamed = fault.type === "worker-trouble" && BLAMED.includes(fault.trouble);
    if (isBlamed && ++blamed > blamedMax) continue;
    faults.push(fault);
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}

/** In one run of three, an administrator drains some workers. They are drawn apart: the rest of a seed stays as it was. */
export function drawDrains(
  random: Random,
  { windowMs, workers }: Pick<DrawOptions, "windowMs" | "workers">,
): readonly Fault[] {
  const count = random.int(3) === 0 ? 1 + random.int(3) : 0;
  return Array.from({ length: count }, () => ({
    type: "worker-drain",
    atMs: Math.round(windowMs * random.uniform()),
    worker: random.int(workers),
  }));
}

function drawFault(
  random: Random,
  type: (typeof FAULT_TYPES)[number],
  windowMs: number,
  workers: number,
): Fault {
  const atMs = Math.round(windowMs * random.uniform());
  const worker = random.int(workers);
  /** From a moment to about a minute and a half: around every deadline there is. */
  const ms = Math.round(10 ** (1 + 3.95 * random.uniform()));
  const restartMs = Math.round(10 ** (2 + 2 * random.uniform()));
  switch (type) {
    case "worker-kill":
    case "worker-power":
    case "worker-leave":
      return { type, atMs, worker, restartMs };
    case "worker-stop":
    case "worker-clock":
    case "stall":
      return { type, atMs, worker, ms };
    case "worker-trouble":
      return { type, atMs, worker, trouble: TROUBLES[random.int(TROUBLES.length)]! };
    case "coordinator-kill":
    case "coordinator-power":
    case "coordinator-leave":
      return { type, atMs, restartMs };
    case "coordinator-power-at":
      return { type, atMs, operation: 1 + random.int(30), restartMs };
    case "coordinator-stop":
    case "coordinator-clock":
    case "disk-full":
    case "pause":
      return { type, atMs, ms };
    case "cut":
      return { type, atMs, worker };
    case "half-open":
      return { type, atMs, worker, direction: (["both", "up", "down"] as const)[random.int(3)]! };
    case "partition": {
      const some = Array.from({ length: workers }, (_, i) => i).filter(() => random.int(2) === 0);
      return { type, atMs, workers: some.length === 0 ? [worker] : some, ms };
    }
  }
}
