import { leavesOf } from "./blocks.ts";
import { LEAF_MS_MIN, LEASES_PER_SLOT, STALL_FACTOR, STALL_MS_MIN } from "./limits.ts";
import { isOwing, type ReadyMember, readyMembers } from "./members.ts";
import type { RoundSpec } from "./round-spec.ts";
import type { RoundState } from "./round-state.ts";
import { type HeldLease, liveLeases } from "./rounds.ts";

type Kind = RoundSpec["kind"];

/** What a worker has to do, and how long that is expected to take. */
export interface Workload {
  readonly member: ReadyMember;
  /** When each slot is expected to be free, in ms from now, ascending. */
  readonly slotMs: number[];
  /** Leases that it holds or has not let go yet; of a relay, the slots that they take. */
  held: number;
  /** Those of them that are believed to run. */
  begun: number;
}

/** The expected times of all work that is out, in ms from now. */
export interface Forecast {
  /** Workers that may be given work. */
  readonly workloads: readonly Workload[];
  /** When each live lease is expected to be answered, by lease id. */
  readonly answerMs: ReadonlyMap<number, number>;
  /** Time of one leaf on a worker whose speed is not known: that of the others, or 1 ms. */
  readonly usualLeafMs: Readonly<Record<Kind, number>>;
}

/** Where every ready worker stands: what runs ends when its measured speed says, what waits begins after it. */
export function forecast(state: RoundState, nowMs: number): Forecast {
  const ready = readyMembers(state);
  const usualLeafMs = { train: meanLeafMs(ready, "train"), evaluate: meanLeafMs(ready, "evaluate") };
  const byWorker = new Map<string, HeldLease[]>(ready.map(({ workerId }) => [workerId, []]));
  for (const held of liveLeases(state)) byWorker.get(held.lease.workerId)?.push(held);
  const answerMs = new Map<number, number>();
  const workloads = ready.flatMap((member) => {
    const load = workloadOf(member, byWorker.get(member.workerId)!, usualLeafMs, answerMs, nowMs);
    return member.status.isDraining || isOwing(member) ? [] : load;
  });
  return { workloads, answerMs, usualLeafMs };
}

function workloadOf(
  member: ReadyMember,
  mine: readonly HeldLease[],
  usualLeafMs: Forecast["usualLeafMs"],
  answerMs: Map<number, number>,
  nowMs: number,
): Workload {
  const { slots } = member.status;
  const leafCountOf = ({ round, block }: HeldLease): number => leavesOf(round.spec, block).count;
  const expectedMs = (held: HeldLease): number =>
    (leafCountOf(held) * leafMsOf(member, held.round.spec.kind, usualLeafMs)) /
    widthOf(member, leafCountOf(held));
  const busy: number[] = [];
  let heldSlots = member.late.length;
  for (const held of mine) {
    const width = widthOf(member, leafCountOf(held));
    heldSlots += width;
    if (held.lease.begunMs === null) continue;
    const ms = remainingMs(expectedMs(held) + member.lagMs, nowMs - held.lease.begunMs);
    // Who owes the answer to a lease that ran out may never answer another.
    answerMs.set(held.lease.leaseId, isOwing(member) ? Number.POSITIVE_INFINITY : ms);
    for (let slot = 0; slot < width; slot++) busy.push(ms);
  }
  for (const { hasBegun } of member.late) {
    // A revoked block stops after the leaf that runs.
    if (hasBegun) busy.push(leafMsOf(member, "train", usualLeafMs));
  }
  busy.sort((a, b) => a - b);
  // More than there are slots: the first to end make room.
  const slotMs = busy.slice(Math.max(0, busy.length - slots));
  while (slotMs.length < slots) slotMs.unshift(0);
  const load: Workload = { member, slotMs, held: heldSlots, begun: busy.length };
  for (const held of mine) {
    if (held.lease.begunMs === null) {
      const doneMs = queue(load, leafCountOf(held), leafMsOf(member, held.round.spec.kind, usualLeafMs));
      answerMs.set(held.lease.leaseId, isOwing(member) ? Number.POSITIVE_INFINITY : doneMs);
    }
  }
  return load;
}

/** How many slots of the worker a block of `leaves` leaves takes. */
export function widthOf({ status }: ReadyMember, leaves: number): number {
  return status.dividesBlocks ? Math.min(status.slots, leaves) : 1;
}

/**
 * Puts a block on the slots that are free first: one, or, where blocks are divided, as many as have a leaf.
 *
 * @returns when it will be done, in ms from now
 */
export function queue({ member, slotMs }: Workload, leaves: number, leafMs: number): number {
  const width = widthOf(member, leaves);
  const doneMs = slotMs.splice(0, width).map((freeMs) => freeMs + (leaves * leafMs) / width);
  slotMs.push(...doneMs);
  slotMs.sort((a, b) => a - b);
  return Math.max(...doneMs);
}

export function hasRoom({ member, held }: Workload): boolean {
  return held < member.status.slots * LEASES_PER_SLOT;
}

export function leafMsOf(member: ReadyMember, kind: Kind, usualLeafMs: Forecast["usualLeafMs"]): number {
  return Math.max(LEAF_MS_MIN, member.leafMs[kind] ?? usualLeafMs[kind]);
}

function meanLeafMs(members: readonly ReadyMember[], kind: Kind): number {
  let sum = 0;
  let count = 0;
  for (const { leafMs } of members) {
    const ms = leafMs[kind];
    if (ms === null) continue;
    sum += ms;
    count++;
  }
  return count === 0 ? 1 : sum / count;
}

/**
 * How long a running block will take from now. One that has taken far longer than it should is believed to
 * be half done: nothing is known of a stall but its age.
 */
function remainingMs(expectedMs: number, elapsedMs: number): number {
  const isStalled = elapsedMs > Math.max(STALL_FACTOR * expectedMs, expectedMs + STALL_MS_MIN);
  return isStalled ? elapsedMs : Math.max(0, expectedMs - elapsedMs);
}
