import { availableMembers, isReady } from "./members.ts";
import { describeTasks, type RoundSpec } from "./round-spec.ts";
import type { BlockLease, Member, RoundState } from "./round-state.ts";
import { findRound, liveLeases } from "./rounds.ts";
import { forecast } from "./workload.ts";

/** Something that the coordinator waits for. Times are on the clock that the state machine is driven by. */
export interface Wait {
  /** Who waits: `step 118`, `the run`. */
  readonly waiter: string;
  /** What has to happen: `2 workers`, `lease 17: train episodes 64-71`. */
  readonly what: string;
  /** Why it has not happened yet. */
  readonly reason: string;
  /** Who can end the wait: a worker, a person, this coordinator. */
  readonly owner: string;
  readonly sinceMs: number;
  /** When it is expected to end, by the speeds that were measured; null: unknown. */
  readonly expectedMs: number | null;
  /** When the coordinator does something about it; null only for a pause, which its owner ends. */
  readonly untilMs: number | null;
  /** What it does then, or who ends the wait: `goes to another worker`, `the run ends`. */
  readonly ending: string;
}

/**
 * Every wait that the round is in, the one that ends first in front.
 *
 * Each has an owner, and a deadline that `deadlines.ts` or `gather.ts` acts on: so nothing hangs in silence.
 */
export function waits(state: RoundState, nowMs: number): readonly Wait[] {
  const found = [
    ...pauseOf(state),
    ...workersMissing(state),
    ...state.members.flatMap((member) => preparationOf(state, member)),
    ...state.members.flatMap((member) => debtsOf(state, member)),
    ...state.members.flatMap(leavingOf),
    ...leasesOf(state, nowMs),
  ];
  return found.sort((a, b) => (a.untilMs ?? Number.MAX_VALUE) - (b.untilMs ?? Number.MAX_VALUE));
}

function pauseOf({ paused }: RoundState): Wait[] {
  if (paused === null) return [];
  const { reason, owner, sinceMs } = paused;
  return [
    {
      waiter: "the run",
      what: "a resume",
      reason: `paused: ${reason}`,
      owner,
      sinceMs,
      expectedMs: null,
      untilMs: null,
      ending: "until it is resumed",
    },
  ];
}

function workersMissing(state: RoundState): Wait[] {
  const { awaiting, settings } = state;
  if (awaiting === null) return [];
  const workersMin = state.gathered ? 1 : settings.workersMin;
  const ready = availableMembers(state).length;
  const preparing = state.members.filter((member) => !isReady(member)).length;
  return [
    {
      waiter: "the run",
      what: `${workersMin} worker${workersMin === 1 ? "" : "s"}`,
      reason: `${ready} ready, ${preparing} preparing`,
      owner: "who starts workers",
      sinceMs: awaiting.sinceMs,
      expectedMs: null,
      untilMs: awaiting.untilMs,
      ending: "the run ends",
    },
  ];
}

/** What a worker does before it is ready, by its own word. */
const PREPARATIONS: { readonly [wait: string]: string; readonly unknown: string } = {
  data: "it opens its data",
  graphs: "it compiles its graphs",
  workers: "it is a relay that gathers its workers",
  unknown: "it opens its data and compiles",
};

function preparationOf({ settings }: RoundState, member: Member): Wait[] {
  if (member.status.type !== "preparing") return [];
  const { untilMs } = member.status;
  return [
    {
      waiter: "the run",
      what: `worker ${member.name} to be ready`,
      reason: PREPARATIONS[member.wait?.for ?? "unknown"] ?? PREPARATIONS.unknown,
      owner: member.name,
      sinceMs: untilMs - settings.prepareMs,
      expectedMs: null,
      untilMs,
      ending: "it is dropped",
    },
  ];
}

function leavingOf({ name, dismissal }: Member): Wait[] {
  if (dismissal === null) return [];
  const { reason, sinceMs, untilMs } = dismissal;
  return [
    {
      waiter: "the run",
      what: `worker ${name} to leave`,
      reason: `told to leave (${reason}); it finishes what it has begun`,
      owner: name,
      sinceMs,
      expectedMs: null,
      untilMs,
      ending: "it is dropped",
    },
  ];
}

function debtsOf(state: RoundState, member: Member): Wait[] {
  return member.late.map(({ leaseId, round: number, level, index, why, sinceMs, abandonMs }) => {
    const spec = findRound(state, number)?.spec;
    const tasks = spec === undefined ? "of a round before" : describeTasks(spec, level, index);
    return {
      waiter: "the run",
      what: `lease ${leaseId}: ${tasks}`,
      reason:
        why === "expired"
          ? "it ran out, and its worker gets no other before it answers"
          : "it was revoked, and its worker has not said yet that it stopped",
      owner: member.name,
      sinceMs,
      expectedMs: null,
      untilMs: abandonMs,
      ending: "its worker is dropped",
    };
  });
}

function leasesOf(state: RoundState, nowMs: number): Wait[] {
  const members = new Map(state.members.map((member) => [member.workerId, member]));
  const { answerMs } = forecast(state, nowMs);
  const isMeasured = state.members.some(({ leafMs }) => leafMs.train !== null || leafMs.evaluate !== null);
  return liveLeases(state).map(({ round, block, lease }) => {
    const expectedMs = nowMs + (answerMs.get(lease.leaseId) ?? Number.POSITIVE_INFINITY);
    return {
      waiter: titleOf(round.spec),
      what: `lease ${lease.leaseId}: ${describeTasks(round.spec, block.level, block.index)}`,
      reason:
        doing(members.get(lease.workerId), lease) +
        (block.leases.length > 1 ? ", another one computes a copy" : ""),
      owner: members.get(lease.workerId)?.name ?? lease.workerId,
      sinceMs: lease.issuedMs,
      expectedMs: isMeasured && Number.isFinite(expectedMs) ? expectedMs : null,
      untilMs: lease.deadlineMs,
      ending: "goes to another worker",
    };
  });
}

function doing(member: Member | undefined, { begunMs }: BlockLease): string {
  if (member?.wait?.for === "parameters") return "its worker waits for the parameters";
  return begunMs === null ? "its worker has it ahead" : "its worker computes it";
}

/** A round for people: `step 118`, `the validation of step 100`. */
function titleOf({ purpose, version }: RoundSpec): string {
  switch (purpose) {
    case "train":
      return `step ${version + 1}`;
    case "validation":
      return `the validation of step ${version}`;
    case "test-before":
      return "the test before training";
    case "test-after":
      return "the test after training";
    case "evaluate":
      return "the evaluation";
  }
}
