import { availableMembers, isReady } from "./members.ts";
import { describeTasks } from "./round-spec.ts";
import type { Member, RoundState } from "./round-state.ts";
import { findRound, liveLeases } from "./rounds.ts";

/** Something that the coordinator waits for. Times are on the clock that the state machine is driven by. */
export interface Wait {
  /** What has to happen: `2 workers`, `lease 17: train episodes 64-71`. */
  readonly what: string;
  /** Why it has not happened yet. */
  readonly reason: string;
  /** Who can end the wait: a worker, a person, this coordinator. */
  readonly owner: string;
  readonly sinceMs: number;
  /** When the coordinator does something about it; null only for a pause, which its owner ends. */
  readonly untilMs: number | null;
}

/**
 * Every wait that the round is in, the one that ends first in front.
 *
 * Each has an owner, and a deadline that `deadlines.ts` or `gather.ts` acts on: so nothing hangs in silence.
 */
export function waits(state: RoundState, nowMs: number): readonly Wait[] {
  const found = [
    ...pauseOf(state),
    ...workersMissing(state, nowMs),
    ...state.members.flatMap((member) => preparationOf(state, member)),
    ...state.members.flatMap((member) => debtsOf(state, member)),
    ...leasesOf(state),
  ];
  return found.sort((a, b) => (a.untilMs ?? Number.MAX_VALUE) - (b.untilMs ?? Number.MAX_VALUE));
}

function pauseOf({ paused }: RoundState): Wait[] {
  if (paused === null) return [];
  const { reason, owner, sinceMs } = paused;
  return [{ what: "the run to be resumed", reason: `paused: ${reason}`, owner, sinceMs, untilMs: null }];
}

function workersMissing(state: RoundState, nowMs: number): Wait[] {
  const { awaiting, settings } = state;
  if (awaiting === null) return [];
  const workersMin = state.gathered ? 1 : settings.workersMin;
  const ready = availableMembers(state).length;
  const preparing = state.members.filter((member) => !isReady(member)).length;
  const left = Math.max(0, Math.ceil((awaiting.untilMs - nowMs) / 1000));
  return [
    {
      what: `${workersMin} worker${workersMin === 1 ? "" : "s"}`,
      reason: `${ready} ready, ${preparing} preparing; the run ends without more in ${left} s`,
      owner: "who starts workers",
      sinceMs: awaiting.sinceMs,
      untilMs: awaiting.untilMs,
    },
  ];
}

function preparationOf({ settings }: RoundState, member: Member): Wait[] {
  if (member.status.type !== "preparing") return [];
  const { untilMs } = member.status;
  return [
    {
      what: `worker ${member.name} to be ready`,
      reason: "it opens its data and compiles",
      owner: member.name,
      sinceMs: untilMs - settings.prepareMs,
      untilMs,
    },
  ];
}

function debtsOf(state: RoundState, member: Member): Wait[] {
  return member.late.map(({ leaseId, round: number, level, index, why, sinceMs, abandonMs }) => {
    const spec = findRound(state, number)?.spec;
    const tasks = spec === undefined ? "of a round before" : describeTasks(spec, level, index);
    return {
      what: `lease ${leaseId}: ${tasks}`,
      reason:
        why === "expired"
          ? "it ran out; its worker gets no other before it answers, and is dropped then"
          : "it was revoked, and its worker has not said yet that it stopped",
      owner: member.name,
      sinceMs,
      untilMs: abandonMs,
    };
  });
}

function leasesOf(state: RoundState): Wait[] {
  const names = new Map(state.members.map(({ workerId, name }) => [workerId, name]));
  return liveLeases(state).map(({ round, block, lease }) => ({
    what: `lease ${lease.leaseId}: ${describeTasks(round.spec, block.level, block.index)}`,
    reason: lease.begunMs === null ? "its worker has it ahead" : "its worker computes it",
    owner: names.get(lease.workerId) ?? lease.workerId,
    sinceMs: lease.issuedMs,
    untilMs: lease.deadlineMs,
  }));
}
