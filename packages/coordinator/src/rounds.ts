import { replaceBlock } from "./blocks.ts";
import { findMember, isReady } from "./members.ts";
import type { Block, BlockLease, Round, RoundState, Step } from "./round-state.ts";

export function findRound(state: RoundState, number: number): Round | undefined {
  return state.rounds.find(({ spec }) => spec.number === number);
}

export function replaceRound(state: RoundState, changed: Round): RoundState {
  const rounds = state.rounds.map((round) => (round.spec.number === changed.spec.number ? changed : round));
  return { ...state, rounds };
}

/** Changes the blocks of every round; what does not change stays the same object. */
export function mapBlocks(state: RoundState, change: (block: Block) => Block): RoundState {
  const rounds = state.rounds.map((round) => {
    const blocks = round.blocks.map(change);
    return blocks.some((block, i) => block !== round.blocks[i]) ? { ...round, blocks } : round;
  });
  return rounds.some((round, i) => round !== state.rounds[i]) ? { ...state, rounds } : state;
}

/** A live lease with its block and its round. */
export interface HeldLease {
  readonly round: Round;
  readonly block: Block;
  readonly lease: BlockLease;
}

/** All live leases, or those of one worker, in the order in which they were issued. */
export function liveLeases(state: RoundState, workerId?: string): readonly HeldLease[] {
  const found: HeldLease[] = [];
  for (const round of state.rounds) {
    for (const block of round.blocks) {
      for (const lease of block.leases) {
        if (workerId === undefined || lease.workerId === workerId) found.push({ round, block, lease });
      }
    }
  }
  return found.sort((a, b) => a.lease.leaseId - b.lease.leaseId);
}

/** Takes live leases away; their blocks are open again if no copy is left. */
export function withoutLeases(state: RoundState, isGone: (lease: BlockLease) => boolean): RoundState {
  return mapBlocks(state, (block) =>
    block.leases.some(isGone) ? { ...block, leases: block.leases.filter((lease) => !isGone(lease)) } : block,
  );
}

/** A slot of the worker is free: the oldest lease that waited for one is believed to begin. */
export function beginNext(state: RoundState, workerId: string, nowMs: number): RoundState {
  const member = findMember(state, workerId);
  if (member === undefined || !isReady(member)) return state;
  const { slots } = member.status;
  const mine = liveLeases(state, workerId);
  const begun =
    mine.filter(({ lease }) => lease.begunMs !== null).length +
    member.late.filter(({ hasBegun }) => hasBegun).length;
  const waiting = mine.filter(({ lease }) => lease.begunMs === null);
  let next = state;
  for (const held of waiting.slice(0, Math.max(0, slots - begun))) {
    next = replaceLease(next, held, [{ ...held.lease, begunMs: nowMs }]);
  }
  return next;
}

/** Puts others, or none, in the place of one live lease. */
export function replaceLease(
  state: RoundState,
  { round, block, lease }: HeldLease,
  others: readonly BlockLease[],
): RoundState {
  const current = findRound(state, round.spec.number)!;
  const leases = block.leases.flatMap((other) => (other.leaseId === lease.leaseId ? others : other));
  return replaceRound(state, replaceBlock(current, { ...block, leases }));
}

/**
 * Ends the rounds that are complete. Where their order counts, one that is done early waits for those before it.
 */
export function conclude(state: RoundState): Step {
  const { rounds, settings } = state;
  const firstOpen = rounds.findIndex((round) => !isComplete(round));
  const counted = settings.inOrder && firstOpen >= 0 ? rounds.slice(0, firstOpen) : rounds;
  const done = counted.filter(isComplete);
  if (done.length === 0) return { state, commands: [] };
  return {
    state: { ...state, rounds: rounds.filter((round) => !done.includes(round)) },
    commands: done.map(({ spec }) => ({ type: "complete", spec })),
  };
}

/** Every block counts, and no copy is wanted any more to be compared. */
function isComplete({ blocks }: Round): boolean {
  return blocks.every(({ winner, isAudited }) => winner !== null && !isAudited);
}
