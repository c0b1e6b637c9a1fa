import { createRandom } from "@shoal/core/outer";
import type { Lease } from "@shoal/protocol";
import { leavesOf, replaceBlock } from "./blocks.ts";
import { LEASE_FACTOR } from "./limits.ts";
import { availableMembers, replaceMember } from "./members.ts";
import { leafCountOf } from "./round-spec.ts";
import type { Block, BlockLease, Command, Round, RoundState } from "./round-state.ts";
import { replaceRound } from "./rounds.ts";
import { type Forecast, leafMsOf, queue, type Workload, widthOf } from "./workload.ts";

/** Leases that go out together, and what is expected after them. */
export interface Grants {
  readonly state: RoundState;
  readonly commands: readonly Command[];
  /** Its workloads grow with every lease. */
  readonly forecast: Forecast;
  readonly nowMs: number;
}

/** Leases a block of `round` to a worker that has room, with the parameters in front if it has others. */
export function grant(grants: Grants, round: Round, block: Block, load: Workload): Grants {
  const { spec } = round;
  const { state, nowMs, forecast } = grants;
  const { member } = load;
  const { workerId } = member;
  const { version } = state.members.find((other) => other.workerId === workerId)!;
  const leafMs = leafMsOf(member, spec.kind, forecast.usualLeafMs);
  const { count } = leavesOf(spec, block);
  const doneMs = queue(load, count, leafMs);
  const width = widthOf(member, count);
  const isIdle = load.begun < member.status.slots;
  if (isIdle) load.begun += width;
  load.held += width;
  const leaseMs = leaseMsOf(state, member.leafMs[spec.kind] !== null, doneMs);
  const lease: BlockLease = {
    leaseId: state.nextLeaseId,
    workerId,
    issuedMs: nowMs,
    begunMs: isIdle ? nowMs : null,
    deadlineMs: nowMs + leaseMs,
  };
  const isFirst = block.winner === null && block.leases.length === 0;
  const isAudited = isFirst ? isToBeAudited(state, round, block) : block.isAudited;
  const leased = { ...block, leases: [...block.leases, lease], isAudited };
  const commands: Command[] = [];
  if (version !== spec.version) commands.push({ type: "sendParams", workerId, version: spec.version });
  commands.push({ type: "send", workerId, message: leaseMessage(round, block, lease.leaseId, leaseMs) });
  let next: RoundState = { ...state, nextLeaseId: state.nextLeaseId + 1 };
  if (version !== spec.version) next = replaceMember(next, { ...member, version: spec.version });
  return {
    ...grants,
    state: replaceRound(next, { ...replaceBlock(round, leased), hasBegun: true }),
    commands: [...grants.commands, ...beginning(state, round), ...commands],
  };
}

/** Announces a round with its first lease, or with a result that came before it. */
export function beginning(state: RoundState, { spec, hasBegun }: Round): readonly Command[] {
  if (hasBegun) return [];
  const workersReady = availableMembers(state).length;
  return [
    { type: "notify", event: { type: "round-started", spec, leafCount: leafCountOf(spec), workersReady } },
  ];
}

/** How long a worker may take: several times what it is expected to need. */
function leaseMsOf({ settings }: RoundState, isMeasured: boolean, doneMs: number): number {
  if (!isMeasured) return settings.leaseMsUnmeasured;
  return Math.max(settings.leaseMsMin, Math.ceil(LEASE_FACTOR * doneMs));
}

/** Chance decides, the same way whenever this block of this round is leased. */
function isToBeAudited({ settings }: RoundState, { spec }: Round, { level, index }: Block): boolean {
  if (settings.audit === 0) return false;
  return createRandom(spec.number, level, index).uniform() < settings.audit;
}

/** What a worker is told of a block that it is to compute. */
export function leaseMessage(round: Round, { level, index }: Block, leaseId: number, leaseMs: number): Lease {
  const { spec } = round;
  return {
    type: "lease",
    leaseId,
    round: spec.number,
    kind: spec.kind,
    version: spec.version,
    split: spec.split,
    level,
    index,
    leafCount: leafCountOf(spec),
    tasksPerLeaf: spec.tasksPerLeaf,
    firstEpisode: spec.firstEpisode,
    taskCount: spec.taskCount,
    leaseMs,
  };
}
