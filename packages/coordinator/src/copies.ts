import { isOpen, leavesOf, replaceBlock } from "./blocks.ts";
import { type Grants, grant } from "./grant.ts";
import { COPIES_MAX, HEDGE_GAIN_MIN, HEDGE_GAIN_MS_MIN, HEDGED_SHARE_MAX } from "./limits.ts";
import { availableMembers, findMember, isReady } from "./members.ts";
import { leafCountOf } from "./round-spec.ts";
import type { Block, Round } from "./round-state.ts";
import { findRound, replaceRound } from "./rounds.ts";
import { hasRoom, leafMsOf, type Workload, widthOf } from "./workload.ts";

/** Second copies of blocks: those to be audited, and, when nothing else is to be done, those that are late. */
export function leaseCopies(grants: Grants): Grants {
  let current = grants;
  if (grants.state.settings.audit > 0) {
    for (const { spec } of grants.state.rounds) current = leaseAudits(current, spec.number);
  }
  const { settings, rounds } = current.state;
  if (
    !settings.hedge ||
    !grants.forecast.workloads.some(isIdle) ||
    rounds.some(({ blocks }) => blocks.some(isOpen))
  )
    return current;
  for (const { spec } of rounds) current = leaseHedges(current, spec.number);
  return current;
}

/** A copy of each audited block goes to another worker with an equal device; the audit is over if there is none. */
function leaseAudits(grants: Grants, roundNumber: number): Grants {
  let current = grants;
  for (const block of findRound(grants.state, roundNumber)!.blocks) {
    if (!block.isAudited || block.leases.length > (block.winner === null ? 1 : 0)) continue;
    const round = findRound(current.state, roundNumber)!;
    const firstId = block.winner?.workerId ?? block.leases[0]?.workerId;
    const holder = firstId === undefined ? undefined : findMember(current.state, firstId);
    const device =
      block.winner?.device ?? (holder !== undefined && isReady(holder) ? holder.status.device : null);
    const maySee = ({ workerId, identity, status }: Workload["member"]): boolean =>
      workerId !== firstId &&
      status.device === device &&
      !block.failures.some(({ worker }) => worker === identity);
    if (!availableMembers(current.state).some(maySee)) {
      const dropped = replaceBlock(round, { ...block, isAudited: false });
      current = { ...current, state: replaceRound(current.state, dropped) };
      continue;
    }
    const load = current.forecast.workloads.find((one) => hasRoom(one) && maySee(one.member));
    if (load !== undefined) current = grant(current, round, block, load);
  }
  return current;
}

/**
 * Idle workers compute copies of the blocks that are expected last, where their measured speed says that the
 * copy comes clearly earlier. The first valid result counts; the other copy is revoked.
 */
function leaseHedges(grants: Grants, roundNumber: number): Grants {
  const { answerMs, workloads, usualLeafMs } = grants.forecast;
  const { spec, blocks } = findRound(grants.state, roundNumber)!;
  const expectedMs = ({ leases }: Block): number =>
    answerMs.get(leases[0]!.leaseId) ?? Number.POSITIVE_INFINITY;
  const copyMs = ({ member }: Workload, leaves: number): number =>
    (leaves * leafMsOf(member, spec.kind, usualLeafMs)) / widthOf(member, leaves) + member.lagMs;
  const idle = workloads.filter((load) => isIdle(load) && load.member.leafMs[spec.kind] !== null);
  const leastMs = Math.min(...idle.map((load) => worthMs(copyMs(load, 1))));
  const late = blocks
    .filter(({ winner, leases }) => winner === null && leases.length > 0 && leases.length < COPIES_MAX)
    .filter((block) => expectedMs(block) > leastMs)
    .sort((a, b) => expectedMs(b) - expectedMs(a));
  let current = grants;
  for (const block of late) {
    const round = findRound(current.state, roundNumber)!;
    const { count } = leavesOf(spec, block);
    if (!isAffordable(round, count)) continue;
    const load = idle
      .filter((load) => isIdle(load) && mayCompute(block, load.member))
      .reduce<Workload | null>(
        (best, next) => (best === null || copyMs(next, count) < copyMs(best, count) ? next : best),
        null,
      );
    if (load === null || expectedMs(block) <= worthMs(copyMs(load, count))) continue;
    current = grant(current, { ...round, hedgedLeaves: round.hedgedLeaves + count }, block, load);
  }
  return current;
}

/** How late a first result must be expected for a copy that takes `copyMs` to be worth while. */
function worthMs(copyMs: number): number {
  return Math.max(copyMs * HEDGE_GAIN_MIN, copyMs + HEDGE_GAIN_MS_MIN);
}

function isIdle(load: Workload): boolean {
  return load.begun < load.member.status.slots && hasRoom(load);
}

function mayCompute({ leases, failures }: Block, { workerId, identity }: Workload["member"]): boolean {
  const holds = leases.some((lease) => lease.workerId === workerId);
  return !holds && failures.every(({ worker }) => worker !== identity);
}

function isAffordable({ spec, hedgedLeaves }: Round, leaves: number): boolean {
  return hedgedLeaves === 0 || hedgedLeaves + leaves <= HEDGED_SHARE_MAX * leafCountOf(spec);
}
