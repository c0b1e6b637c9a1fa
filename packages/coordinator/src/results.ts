import type { CoordinatorMessage } from "@shoal/protocol";
import { withMeasurement } from "./assign.ts";
import { BLOCK_FAILURES_MAX, WORKER_FAILURES_MAX } from "./limits.ts";
import { findMember, isReady, readyMembers, replaceMember } from "./members.ts";
import { refuse } from "./membership.ts";
import { blockTasks, describeTasks } from "./round-spec.ts";
import type {
  Block,
  Command,
  FailedMessage,
  Member,
  ResultMessage,
  Round,
  RoundEvent,
  RoundState,
  Step,
} from "./round-state.ts";

type ResultEvent = Extract<RoundEvent, { type: "result" }>;

/**
 * A worker has sent a block.
 *
 * The first valid result of a block counts, whoever was asked for it: its bits follow from the block. A
 * second one is a `duplicate`, one of another round or version is `stale`; both answers name the version
 * that counts now. Floats of the wrong number, NaN or infinite are `rejected`, and the block goes elsewhere.
 */
export function takeResult(state: RoundState, event: ResultEvent): Step {
  const { workerId, message } = event;
  const member = findMember(state, workerId);
  if (member === undefined || !isReady(member)) return { state, commands: [] };
  const settled = settleLease(state, member, message.leaseId);
  const { round } = settled;
  if (round === null || !isOfRound(message, round)) return unused(settled, member, message, "stale");
  const block = round.blocks[message.index];
  if (block === undefined) return unused(settled, member, message, "stale");
  if (block.done) {
    const { commands } = unused(settled, member, message, "duplicate");
    const state = measured(settled, member, round, message);
    return { state, commands: [{ type: "compare", workerId, index: block.index }, ...commands] };
  }
  const wrong = wrongShape(settled, round, event) ?? event.invalid;
  if (wrong !== null) {
    const answer = answerTo(state, workerId, message.leaseId, "rejected", wrong);
    // A second copy of what was rejected before answers no lease: one mistake is one failure.
    if (settled === state) return { state, commands: [answer] };
    const failure = failBlock(settled, member, block, `result rejected: ${wrong}`);
    return { state: failure.state, commands: [answer, ...failure.commands] };
  }
  return accept(settled, member, round, block, message);
}

/** A worker says that it cannot compute a block. */
export function takeFailure(state: RoundState, workerId: string, message: FailedMessage): Step {
  const member = findMember(state, workerId);
  if (member === undefined || !isReady(member)) return { state, commands: [] };
  const block = state.round?.blocks.find(
    ({ lease }) => lease?.leaseId === message.leaseId && lease.workerId === workerId,
  );
  const settled = settleLease(state, member, message.leaseId);
  // A failure of a block that others have already computed, or that is being computed again, costs nothing.
  if (block === undefined) return { state: settled, commands: [] };
  return failBlock(settled, member, { ...block, lease: null }, `${message.code}: ${message.message}`);
}

/** Puts a block back after a failure of `member`; too many failures end the run. */
export function failBlock(state: RoundState, member: Member, block: Block, reason: string): Step {
  const { round } = state;
  if (round === null) return { state, commands: [] };
  const failures = [...block.failures, { workerId: member.workerId, reason }];
  const lease = block.lease?.workerId === member.workerId ? null : block.lease;
  const tasks = describeTasks(round.spec, round.level, block.index);
  const commands: Command[] = [
    {
      type: "notify",
      event: {
        type: "block-failed",
        worker: member.name,
        tasks,
        reason,
        failures: failures.length,
        failuresMax: BLOCK_FAILURES_MAX,
      },
    },
  ];
  const current = findMember(state, member.workerId);
  const blamed = current && { ...current, failuresInRow: current.failuresInRow + 1 };
  let next: RoundState = { ...state, round: replaceBlock(round, { ...block, lease, failures }) };
  if (blamed !== undefined) next = replaceMember(next, blamed);
  if (failures.length >= BLOCK_FAILURES_MAX && isHopeless(next, failures)) {
    commands.push({
      type: "fail",
      code: "E_BLOCK",
      message:
        `${tasks}, step ${round.spec.version}: failed ${failures.length} times ` +
        `(${failures.map((failure) => `${failure.workerId}: ${failure.reason}`).join("; ")})`,
    });
    return { state: next, commands };
  }
  if (blamed !== undefined && blamed.failuresInRow >= WORKER_FAILURES_MAX) {
    const message = `${blamed.failuresInRow} blocks in a row failed on this worker; the last one: ${reason}`;
    const refused = refuse(next, blamed, "E_WORKER", message);
    return { state: refused.state, commands: [...commands, ...refused.commands] };
  }
  return { state: next, commands };
}

/**
 * True if the block is the reason, and not the workers that it failed on: it failed on several, or nobody is
 * left who has not tried it. One broken worker cannot end a run that has others.
 */
function isHopeless(state: RoundState, failures: Block["failures"]): boolean {
  const failedOn = new Set(failures.map(({ workerId }) => workerId));
  return (
    failedOn.size >= BLOCK_FAILURES_MAX || readyMembers(state).every(({ workerId }) => failedOn.has(workerId))
  );
}

function accept(state: RoundState, member: Member, round: Round, block: Block, message: ResultMessage): Step {
  const { workerId } = member;
  const commands: Command[] = [];
  // Whoever else was asked for this block, in time or late, need not begin it.
  const others = state.members.flatMap((other) =>
    other.late
      .filter((late) => late.round === round.spec.number && late.index === block.index)
      .map((late) => ({ workerId: other.workerId, leaseId: late.leaseId })),
  );
  if (block.lease !== null) others.push(block.lease);
  commands.push({
    type: "accept",
    workerId,
    level: round.level,
    index: block.index,
    keep: others.length > 0,
  });
  commands.push(answerTo(state, workerId, message.leaseId, "accepted"));
  for (const other of others) {
    const message: CoordinatorMessage = { type: "revoke", leaseIds: [other.leaseId] };
    commands.push({ type: "send", workerId: other.workerId, message });
  }
  const next = replaceBlock(round, { ...block, done: true, lease: null });
  const current = measured(state, member, round, message);
  const proven = replaceMember(current, { ...findMember(current, workerId)!, failuresInRow: 0 });
  if (next.blocks.every(({ done }) => done)) {
    return {
      state: { ...proven, round: null },
      commands: [...commands, { type: "complete", spec: round.spec }],
    };
  }
  return { state: { ...proven, round: next }, commands };
}

/** The lease is answered: it is neither live nor late any more. */
function settleLease(state: RoundState, member: Member, leaseId: number): RoundState {
  const { round } = state;
  const isSettled = ({ lease }: Block) => lease?.leaseId === leaseId && lease.workerId === member.workerId;
  const freed = round?.blocks.find(isSettled);
  const late = member.late.filter((other) => other.leaseId !== leaseId);
  const next = late.length === member.late.length ? state : replaceMember(state, { ...member, late });
  if (round === null || freed === undefined) return next;
  return { ...next, round: replaceBlock(round, { ...freed, lease: null }) };
}

function measured(state: RoundState, member: Member, round: Round, message: ResultMessage): RoundState {
  const current = findMember(state, member.workerId);
  if (current === undefined) return state;
  return replaceMember(state, withMeasurement(current, round, message.index, message.computeMs));
}

function isOfRound(message: ResultMessage, { spec, level }: Round): boolean {
  return message.round === spec.number && message.version === spec.version && message.level === level;
}

function wrongShape(
  { settings }: RoundState,
  round: Round,
  { message, bodyFloats }: ResultEvent,
): string | null {
  const { kind } = round.spec;
  const { count } = blockTasks(round.spec, round.level, message.index);
  const statCount = settings.statCounts[kind];
  if (message.taskCount !== count) return `expected ${count} tasks, got ${message.taskCount}`;
  if (message.statCount !== statCount) return `expected ${statCount} statistics, got ${message.statCount}`;
  const floats = count * statCount + (kind === "train" ? settings.paramCount : 0);
  return bodyFloats === floats ? null : `expected ${floats} floats, got ${bodyFloats}`;
}

function unused(
  state: RoundState,
  member: Member,
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

function replaceBlock(round: Round, block: Block): Round {
  const blocks = [...round.blocks];
  blocks[block.index] = block;
  return { ...round, blocks };
}
