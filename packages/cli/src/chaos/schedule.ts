import { createRandom, type Random } from "@shoal/core/outer";
import type { Fault, FaultKind } from "./fault.ts";

export interface ScheduleOptions {
  readonly seed: number;
  readonly kinds: readonly FaultKind[];
  /** Mean time between two faults, in ms. */
  readonly everyMs: number;
  /** No fault comes after this, in ms. */
  readonly forMs: number;
  readonly workers: number;
}

/** Separates this use of a seed from the others. */
const STREAM = 0xc4a05;

/**
 * Draws what happens to a run, and when: the same for the same options.
 *
 * Kinds come in rounds, each kind once per round in a new order, so that a short schedule has all of them.
 */
export function drawSchedule({ seed, kinds, everyMs, forMs, workers }: ScheduleOptions): readonly Fault[] {
  const random = createRandom(seed, STREAM);
  const faults: Fault[] = [];
  let atMs = 0;
  for (;;) {
    for (const kind of random.shuffle([...kinds])) {
      atMs += Math.round(everyMs * (0.5 + random.uniform()));
      if (atMs > forMs) return faults;
      faults.push({ atMs, ...drawFault(random, kind, random.int(workers)) });
    }
  }
}

type WithoutTime<F> = F extends unknown ? Omit<F, "atMs"> : never;

function drawFault(random: Random, kind: FaultKind, worker: number): WithoutTime<Fault> {
  const coin = random.int(2) === 0;
  switch (kind) {
    case "kill":
    case "term":
      return { kind, worker, restartMs: between(random, 50, 2_000) };
    // Longer than the shortest lease at times, shorter than the silence after which a worker is dropped.
    case "stop":
    case "stall":
      return { kind, worker, ms: between(random, 300, 12_000) };
    case "coordinator":
      return { kind, restartMs: between(random, 50, 1_000), port: coin ? "same" : "new" };
    case "cut":
      return { kind, worker, how: coin ? "end" : "reset" };
    case "delay":
      return { kind, worker, ms: between(random, 1_000, 5_000), delayMs: between(random, 5, 200) };
    case "corrupt":
      return { kind, worker, direction: coin ? "up" : "down", bit: random.uint32() };
  }
}

/** Whole ms, each power of ten as likely as the other. */
function between(random: Random, min: number, max: number): number {
  return Math.round(min * (max / min) ** random.uniform());
}
