import { blockLeavesFor, levelEndMs } from "./block-size.ts";
import { cutOut, isOpen, isSame, leavesOf, spliceBlocks } from "./blocks.ts";
import { leaseCopies } from "./copies.ts";
import { type Grants, grant } from "./grant.ts";
import { availableMembers } from "./members.ts";
import type { Block, Member, Round, RoundState, Step } from "./round-state.ts";
import { findRound } from "./rounds.ts";
import { forecast, hasRoom, leafMsOf, type Workload } from "./workload.ts";

/**
 * Leases open blocks to workers that have room, in order of the rounds and of the leaves.
 *
 * Whoever is free first is asked first, for a block as big as its speed and the work left make sensible. A
 * worker whose slots are all busy takes one block per slot ahead, so that the wire's latency is hidden; near
 * the end a slow worker gets nothing that others would finish without it. When nothing is open, workers with
 * nothing to do compute copies of what is late (`copies.ts`).
 */
export function assign(state: RoundState, nowMs: number): Step {
  if (isSettled(state)) return { state, commands: [] };
  let grants: Grants = { state, commands: [], forecast: forecast(state, nowMs), nowMs };
  for (const { spec } of state.rounds) {
    grants = leaseFailed(grants, spec.number);
    grants = leaseOpen(grants, spec.number);
  }
  const { state: next, commands } = leaseCopies(grants);
  return { state: next, commands };
}

/** Nothing is open or to be audited, and every slot is busy. A look that saves a forecast. */
function isSettled(state: RoundState): boolean {
  const isPending = (block: Block): boolean => isOpen(block) || block.isAudited;
  if (state.rounds.some(({ blocks }) => blocks.some(isPending))) return false;
  if (!state.settings.hedge) return true;
  // Plain loops: this is asked after every message, and there may be hundreds of workers.
  let idle = 0;
  for (const { status } of availableMembers(state)) idle += status.slots;
  for (const { blocks } of state.rounds) {
    for (const { leases } of blocks) {
      for (const { begunMs } of leases) if (begunMs !== null) idle--;
    }
  }
  return idle <= 0;
}

/** Blocks that failed somewhere go, whole, to workers on which they have not failed, as long as there are any. */
function leaseFailed(grants: Grants, roundNumber: number): Grants {
  let current = grants;
  for (const block of findRound(grants.state, roundNumber)!.blocks) {
    if (!isOpen(block) || block.failures.length === 0) continue;
    const eligible = eligibleFor(block, availableMembers(current.state));
    const load = earliest(
      current.forecast.workloads.filter((one) => hasRoom(one) && eligible.has(one.member.workerId)),
    );
    if (load !== null) current = grant(current, findRound(current.state, roundNumber)!, block, load);
  }
  return current;
}

/**
 * Who is to compute a block that has failed: a worker whose results have counted before, while there is one
 * that has not failed on it, so that whoever joins and answers nonsense, however often, spoils a block once.
 * Where it has failed on every worker there is, it is tried again where it failed before. A worker that owes
 * an answer is one that has not failed: it will answer or be dropped.
 */
function eligibleFor({ failures }: Block, members: readonly Member[]): ReadonlySet<string> {
  const untried = members.filter((member) => failures.every(({ worker }) => worker !== member.identity));
  const proven = untried.filter(({ leafMs }) => leafMs.train !== null || leafMs.evaluate !== null);
  const eligible = [proven, untried, members].find((some) => some.length > 0) ?? [];
  return new Set(eligible.map(({ workerId }) => workerId));
}

/** All other open blocks, split to the size that suits the worker. */
function leaseOpen(grants: Grants, roundNumber: number): Grants {
  const { forecast, state } = grants;
  const { kind } = findRound(state, roundNumber)!.spec;
  const { leavesUnmeasured } = state.settings;
  const isCandidate = new Set(forecast.workloads);
  let current = grants;
  let open = openLeaves(findRound(state, roundNumber)!);
  if (open === 0) return grants;
  // What is leased moves from the open leaves to the slots: the level end stays where it is.
  const endMs = levelEndMs(forecast, kind, open);
  const oneLeafMs = (load: Workload): number =>
    load.slotMs[0]! + leafMsOf(load.member, kind, forecast.usualLeafMs);
  while (open > 0) {
    const load = earliest([...isCandidate].filter(hasRoom));
    if (load === null) break;
    const isFirst = forecast.workloads.every((other) => oneLeafMs(load) <= oneLeafMs(other));
    const leaves = blockLeavesFor(load, kind, forecast, endMs, isFirst, leavesUnmeasured);
    if (leaves === 0) {
      isCandidate.delete(load);
      continue;
    }
    const { round, block } = takeBlock(findRound(current.state, roundNumber)!, leaves);
    open -= leavesOf(round.spec, block).count;
    current = grant(current, round, block, load);
  }
  return current;
}

/** The worker with the first free slot; of several the fastest. */
function earliest(loads: readonly Workload[]): Workload | null {
  return loads.reduce<Workload | null>((first, next) => {
    if (first === null) return next;
    const later = next.slotMs[0]! - first.slotMs[0]!;
    if (later !== 0) return later < 0 ? next : first;
    return speedOf(next) > speedOf(first) ? next : first;
  }, null);
}

function speedOf({ member }: Workload): number {
  return 1 / (member.leafMs.train ?? member.leafMs.evaluate ?? 1);
}

function isFresh(block: Block): boolean {
  return isOpen(block) && block.failures.length === 0;
}

function openLeaves(round: Round): number {
  return round.blocks.reduce(
    (sum, block) => sum + (isFresh(block) ? leavesOf(round.spec, block).count : 0),
    0,
  );
}

/**
 * Takes a block of `leaves` leaves out of the open ones: the first of the smallest that are big enough, split as
 * far as needed; or else the first of the biggest.
 */
function takeBlock(round: Round, leaves: number): { readonly round: Round; readonly block: Block } {
  const { spec } = round;
  const sizeOf = (block: Block): number => leavesOf(spec, block).count;
  const best = round.blocks.filter(isFresh).reduce((best, next) => {
    const [a, b] = [sizeOf(best), sizeOf(next)];
    if (a >= leaves) return b >= leaves && b < a ? next : best;
    return b > a ? next : best;
  });
  let node: Pick<Block, "level" | "index"> = best;
  for (;;) {
    const left = { level: node.level - 1, index: 2 * node.index };
    const isTooBig = sizeOf({ ...best, ...node }) > leaves;
    // At the uneven end of a tree, a node and its left half may be the same leaves.
    const isLeft = node.level > 0 && sizeOf({ ...best, ...left }) === sizeOf({ ...best, ...node });
    if (!isTooBig && !isLeft) break;
    node = left;
  }
  const cut = spliceBlocks(round, [best], cutOut(spec, best, node));
  return { round: cut, block: cut.blocks.find((block) => isSame(block, node))! };
}
