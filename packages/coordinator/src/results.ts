import type { CoordinatorMessage } from "@shoal/protocol";
import { fitBlock, hasLeaves, isSame, replaceBlock } from "./blocks.ts";
import { failBlock } from "./failures.ts";
import { beginning } from "./grant.ts";
import { withLag, withMeasurement } from "./measure.ts";
import { findMember, isReady, type ReadyMember, replaceMember } from "./members.ts";
import { revoke } from "./revoke.ts";
import { blockTasks } from "./round-spec.ts";
import type {
  Block,
  BlockLease,
  Command,
  FailedMessage,
  ResultMessage,
  Round,
  RoundEvent,
  RoundState,
  Step,
} from "./round-state.ts";
import { beginNext, findRound, liveLeases, replaceLease, replaceRound } from "./rounds.ts";

type ResultEvent = Extract<RoundEvent, { type: "result" }>;

/**
 * A worker has sent a block.
 *
 * The first valid result of a block counts, whoever was asked for it: its bits follow from the block. A
 * second one is a `duplicate`, one of another round or version is `stale`; both answers name the version
 * that counts now. Floats of the wrong number, NaN or infinite are `rejected`, and the block goes elsewhere.
 */
export function takeResult(state: RoundState, event: ResultEvent, nowMs: number): Step {
  const { workerId, message } = event;
  const member = findMember(state, workerId);
  if (member === undefined || !isReady(member)) return { state, commands: [] };
  const settled = settleLease(withLagOf(state, member, message, nowMs), workerId, message.leaseId, nowMs);
  const round = findRound(settled, message.round);
  if (round === undefined || message.version !== round.spec.version) {
    return unused(settled, member, message, "stale");
  }
  if (!hasLeaves(round.spec, message)) return unused(settled, member, message, "stale");
  const counted = round.blocks.find((block) => block.winner !== null && isSame(block, message));
  if (counted !== undefined) return takeCopy(settled, member, round, counted, message);
  const wrong = wrongShape(settled, round, event) ?? event.invalid;
  const fitting = fitBlock(round, message);
  if (fitting === null || fitting.block.winner !== null) return unused(settled, member, message, "duplicate");
  if (wrong === null) return accept(settled, member, fitting, message);
  const answer = answerTo(state, workerId, message.leaseId, "rejected", wrong);
  // A second copy of what was rejected before answers no lease: one mistake is one failure.
  const block = round.blocks.find((block) => isSame(block, message));
  if (!isHeld(state, member, message.leaseId) || block === undefined)
    return { state: settled, commands: [answer] };
  const failure = failBlock(settled, member, round, block, `result rejected: ${wrong}`);
  return { state: failure.state, commands: [answer, ...failure.commands] };
}

/** A worker says that it cannot compute a block, or that it has stopped one that was revoked. */
export function takeFailure(
  state: RoundState,
  workerId: string,
  message: FailedMessage,
  nowMs: number,
): Step {
  const member = findMember(state, workerId);
  if (member === undefined || !isReady(member)) return { state, commands: [] };
  const held = liveLeases(state, workerId).find(({ lease }) => lease.leaseId === message.leaseId);
  const settled = settleLease(state, workerId, message.leaseId, nowMs);
  // A failure of a block that others have already computed, or that is being computed again, costs nothing.
  if (held === undefined) return { state: settled, commands: [] };
  const round = findRound(settled, held.round.spec.number)!;
  const block = round.blocks.find((block) => isSame(block, held.block))!;
  if (block.winner !== null) {
    // The copy for an audit: nothing was proved, and nothing is lost.
    const dropped = replaceBlock(round, { ...block, isAudited: false });
    return { state: replaceRound(settled, dropped), commands: [] };
  }
  return failBlock(settled, member, round, block, `${message.code}: ${message.message}`);
}

function accept(
  state: RoundState,
  member: ReadyMember,
  fitting: NonNullable<ReturnType<typeof fitBlock>>,
  message: ResultMessage,
): Step {
  const { round, block, superfluous } = fitting;
  const { spec } = round;
  const { workerId, name } = member;
  const winner = { workerId, name, device: member.status.device };
  // The copy of an audited block is computed to its end.
  const isAudited = block.isAudited;
  const others: readonly BlockLease[] = [...superfluous, ...(isAudited ? [] : block.leases)];
  const isOwed = state.members.some(({ late }) =>
    late.some((lease) => lease.round === spec.number && isSame(lease, block)),
  );
  const accepted: Command = {
    type: "accept",
    workerId,
    round: spec.number,
    level: block.level,
    index: block.index,
    keep: isAudited || isOwed || block.leases.length > 0,
  };
  const counted = { ...block, winner, leases: isAudited ? block.leases : [] };
  const current = measured(
    replaceRound(state, { ...replaceBlock(round, counted), hasBegun: true }),
    workerId,
    round,
    message,
  );
  const proven = replaceMember(current, { ...findMember(current, workerId)!, failuresInRow: 0 });
  const revoked = revoke(proven, spec, block, others);
  return {
    state: revoked.state,
    commands: [
      ...beginning(state, round),
      accepted,
      answerTo(state, workerId, message.leaseId, "accepted"),
      ...revoked.commands,
    ],
  };
}

/** A second copy of a block that counts: the answer says so, and its bits are compared with the first. */
function takeCopy(
  state: RoundState,
  member: ReadyMember,
  round: Round,
  block: Block,
  message: ResultMessage,
): Step {
  const { commands } = unused(state, member, message, "duplicate");
  const current = measured(state, member.workerId, round, message);
  const winner = block.winner!;
  const isComparable = winner.workerId !== member.workerId && winner.device === member.status.device;
  if (!isComparable) return { state: current, commands };
  const { level, index } = block;
  const compare = {
    type: "compare",
    round: round.spec.number,
    level,
    index,
    workers: [winner.name, member.name],
  } as const;
  // Whatever copy comes ends the audit; one that is still on its way need not be computed.
  const audited = replaceBlock(round, { ...block, isAudited: false, leases: [] });
  const revoked = revoke(replaceRound(current, audited), round.spec, block, block.leases);
  return { state: revoked.state, commands: [compare, ...commands, ...revoked.commands] };
}

/** The lease is answered: it is neither live nor late any more, and the worker's next one begins. */
function settleLease(state: RoundState, workerId: string, leaseId: number, nowMs: number): RoundState {
  const member = findMember(state, workerId)!;
  const late = member.late.filter((other) => other.leaseId !== leaseId);
  const held = liveLeases(state, workerId).find(({ lease }) => lease.leaseId === leaseId);
  let next = held === undefined ? state : replaceLease(state, held, []);
  if (late.length !== member.late.length) next = replaceMember(next, { ...member, late });
  return next === state ? state : beginNext(next, workerId, nowMs);
}

/** Whether the lease is live, or late. */
function isHeld(state: RoundState, { workerId, late }: ReadyMember, leaseId: number): boolean {
  return (
    late.some((lease) => lease.leaseId === leaseId) ||
    liveLeases(state, workerId).some(({ lease }) => lease.leaseId === leaseId)
  );
}

function withLagOf(
  state: RoundState,
  member: ReadyMember,
  message: ResultMessage,
  nowMs: number,
): RoundState {
  const held = liveLeases(state, member.workerId).find(({ lease }) => lease.leaseId === message.leaseId);
  const begunMs = held?.lease.begunMs ?? null;
  return begunMs === null
    ? state
    : replaceMember(state, withLag(member, nowMs - begunMs - message.computeMs));
}

function measured(state: RoundState, workerId: string, { spec }: Round, message: ResultMessage): RoundState {
  const current = findMember(state, workerId);
  if (current === undefined) return state;
  return replaceMember(state, withMeasurement(current, spec, message, message.computeMs));
}

function wrongShape(
  { settings }: RoundState,
  { spec }: Round,
  { message, bodyFloats }: ResultEvent,
): string | null {
  const { kind } = spec;
  const { count } = blockTasks(spec, message.level, message.index);
  const statCount = settings.statCounts[kind];
  if (message.taskCount !== count) return `expected ${count} tasks, got ${message.taskCount}`;
  if (message.statCount !== statCount) return `expected ${statCount} statistics, got ${message.statCount}`;
  const floats = count * statCount + (kind === "train" ? settings.paramCount : 0);
  return bodyFloats === floats ? null : `expected ${floats} floats, got ${bodyFloats}`;
}

function unused(
  state: RoundState,
  member: ReadyMember,
  { leaseId, round, index }: ResultMessage,
  status: "stale" | "duplicate",
): Step {
  const event = { type: "result-unused", worker: member.name, status, round, index } as const;
  return {
    state,
    commands: [answerTo(state, member.workerId, leaseId, status), { type: "notify", event }],
  };
}

function answerTo(
  state: RoundState,
  workerId: string,
  leaseId: number,
  status: Extract<CoordinatorMessage, { type: "answer" }>["status"],
  reason?: string,
): Command {
  const message = { type: "answer", leaseId, status, version: state.version } as const;
  return { type: "send", workerId, message: reason === undefined ? message : { ...message, reason } };
}
