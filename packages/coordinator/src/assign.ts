import { LEASE_FACTOR, LEASES_PER_SLOT } from "./limits.ts";
import { heldByWorker, type ReadyMember, readyMembers } from "./members.ts";
import { blockTasks, leafCountOf } from "./round-spec.ts";
import type { Block, Command, Member, Round, RoundState, Step } from "./round-state.ts";

interface Candidate {
  readonly member: ReadyMember;
  /** Compute time of a whole block, in ms, measured or guessed. Infinite for a worker that owes an answer. */
  readonly blockMs: number;
  held: number;
}

/**
 * Leases open blocks to workers that have room, in order of index.
 *
 * Each block goes to the worker that is expected to finish it first. A worker whose slots are all busy
 * takes one block per slot ahead, but only while no other worker would finish that block earlier: so
 * the wire's latency is hidden, and a slow worker does not hold the last blocks of a step.
 */
export function assign(state: RoundState, nowMs: number): Step {
  const { round } = state;
  if (round === null) return { state, commands: [] };
  const candidates = candidatesOf(state, round);
  const commands: Command[] = [];
  const blocks = [...round.blocks];
  const versions = new Map<string, number>();
  let { nextLeaseId } = state;

  for (const block of round.blocks) {
    if (block.done || block.lease !== null) continue;
    if (!candidates.some(hasRoom)) break;
    const candidate = choose(candidates, block);
    if (candidate === null) continue;
    const { member } = candidate;
    const leaseMs = leaseMsOf(state, round, candidate);
    candidate.held++;
    if ((versions.get(member.workerId) ?? member.version) !== round.spec.version) {
      versions.set(member.workerId, round.spec.version);
      commands.push({ type: "sendParams", workerId: member.workerId, version: round.spec.version });
    }
    const lease = {
      leaseId: nextLeaseId,
      workerId: member.workerId,
      issuedMs: nowMs,
      deadlineMs: nowMs + leaseMs,
    };
    nextLeaseId++;
    blocks[block.index] = { ...block, lease };
    commands.push({
      type: "send",
      workerId: member.workerId,
      message: leaseMessage(round, block, lease.leaseId, leaseMs),
    });
  }
  if (commands.length === 0) return { state, commands };
  const members = state.members.map((member) => {
    const version = versions.get(member.workerId);
    return version === undefined ? member : { ...member, version };
  });
  return { state: { ...state, members, nextLeaseId, round: { ...round, blocks } }, commands };
}

function candidatesOf(state: RoundState, round: Round): Candidate[] {
  const held = heldByWorker(round);
  const members = readyMembers(state);
  const measured = members.flatMap(({ leafMs }) => leafMs[round.spec.kind] ?? []);
  const usualLeafMs = measured.length === 0 ? 1 : measured.reduce((a, b) => a + b) / measured.length;
  const leavesPerBlock = Math.min(2 ** round.level, leafCountOf(round.spec));
  return members.map((member) => ({
    member,
    blockMs:
      member.late.length > 0
        ? Number.POSITIVE_INFINITY
        : (member.leafMs[round.spec.kind] ?? usualLeafMs) * leavesPerBlock,
    held: held.get(member.workerId) ?? 0,
  }));
}

/** A worker that owes an answer is not asked again. */
function hasRoom({ member, held }: Candidate): boolean {
  return member.late.length === 0 && held < member.status.slots * LEASES_PER_SLOT;
}

/** When the worker would finish one more block, in ms from now; its running blocks count as whole. */
function finishMs({ member, blockMs, held }: Candidate): number {
  return Math.ceil((held + 1) / member.status.slots) * blockMs;
}

function choose(candidates: readonly Candidate[], block: Block): Candidate | null {
  const hasFailed = ({ member }: Candidate) =>
    block.failures.some(({ workerId }) => workerId === member.workerId);
  // Where the block has failed on every worker there is, it is tried again where it failed before. A worker
  // that owes an answer is one that has not failed: it will answer or be dropped.
  const untried = candidates.filter((candidate) => !hasFailed(candidate));
  // A block that has failed goes to a worker whose results have counted before, while there is one that has
  // not failed on it: whoever joins and answers nonsense, however often, spoils a block once.
  const proven = block.failures.length === 0 ? [] : untried.filter(({ member }) => hasCounted(member));
  const eligible = [proven, untried, candidates].find((some) => some.length > 0) ?? [];
  const best = (among: readonly Candidate[]) =>
    among.reduce<Candidate | null>(
      (first, next) => (first === null || finishMs(next) < finishMs(first) ? next : first),
      null,
    );
  const idle = best(eligible.filter((one) => hasRoom(one) && one.held < one.member.status.slots));
  if (idle !== null) return idle;
  const ahead = best(eligible.filter(hasRoom));
  const fastest = best(eligible);
  if (ahead === null || fastest === null || finishMs(ahead) > finishMs(fastest)) return null;
  return ahead;
}

/** True for a worker with a result that was worth measuring. */
function hasCounted({ leafMs }: Member): boolean {
  return leafMs.train !== null || leafMs.evaluate !== null;
}

/** How long a worker may take for one more block: several times what it is expected to need. */
function leaseMsOf(state: RoundState, round: Round, candidate: Candidate): number {
  const { settings } = state;
  const isMeasured = candidate.member.leafMs[round.spec.kind] !== null;
  if (!isMeasured) return settings.leaseMsUnmeasured;
  return Math.max(settings.leaseMsMin, Math.ceil(LEASE_FACTOR * finishMs(candidate)));
}

function leaseMessage(
  round: Round,
  block: Block,
  leaseId: number,
  leaseMs: number,
): Extract<Command, { type: "send" }>["message"] {
  const { spec, level } = round;
  return {
    type: "lease",
    leaseId,
    round: spec.number,
    kind: spec.kind,
    version: spec.version,
    split: spec.split,
    level,
    index: block.index,
    leafCount: leafCountOf(spec),
    tasksPerLeaf: spec.tasksPerLeaf,
    firstEpisode: spec.firstEpisode,
    taskCount: spec.taskCount,
    leaseMs,
  };
}

/** The speed of a worker with one more measurement: half the old value, half the new one. */
export function withMeasurement(member: Member, round: Round, index: number, computeMs: number): Member {
  const { kind, tasksPerLeaf } = round.spec;
  const leaves = blockTasks(round.spec, round.level, index).count / tasksPerLeaf;
  const before = member.leafMs[kind];
  const now = computeMs / leaves;
  return { ...member, leafMs: { ...member.leafMs, [kind]: before === null ? now : (before + now) / 2 } };
}
