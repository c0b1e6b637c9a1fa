import { CLOSE_CODES } from "@shoal/protocol";
import { ABANDON_FACTOR } from "./limits.ts";
import { isReady } from "./members.ts";
import { drop } from "./membership.ts";
import { failBlock } from "./results.ts";
import { describeTasks } from "./round-spec.ts";
import type { Block, Command, LateLease, Member, Round, RoundState, Step } from "./round-state.ts";

/** Looks at every deadline; each has an owner, and a message that says what was waited for. */
export function passTime(state: RoundState, nowMs: number): Step {
  const steps = [dropSilent, dropUnprepared, dropOwing, expireLeases, beat];
  let current: Step = { state, commands: [] };
  for (const next of steps) {
    const step = next(current.state, nowMs);
    current = { state: step.state, commands: [...current.commands, ...step.commands] };
  }
  return current;
}

function dropSilent(state: RoundState, nowMs: number): Step {
  const { silenceMs } = state.settings;
  const silent = state.members.filter(({ heardMs }) => nowMs - heardMs >= silenceMs);
  return dropAll(state, silent, () => `silent for ${silenceMs} ms`);
}

function dropUnprepared(state: RoundState, nowMs: number): Step {
  const { prepareMs } = state.settings;
  const slow = state.members.filter(({ status }) => status.type === "preparing" && nowMs >= status.untilMs);
  return dropAll(state, slow, () => `not ready within ${prepareMs} ms`);
}

/** A worker that lives but does not answer counts as a failure of the block: the block may be the reason. */
function dropOwing(state: RoundState, nowMs: number): Step {
  const isOwed = (late: LateLease) => nowMs >= late.abandonMs;
  let current: Step = { state, commands: [] };
  for (const member of state.members.filter(({ late }) => late.some(isOwed))) {
    const reason = `lease ${member.late.find(isOwed)!.leaseId} was not answered`;
    const dropped = drop(current.state, member.workerId, CLOSE_CODES.policy, reason);
    current = { state: dropped.state, commands: [...current.commands, ...dropped.commands] };
    for (const late of member.late.filter(isOwed)) {
      const { round } = current.state;
      const block = round?.spec.number === late.round ? round.blocks[late.index] : undefined;
      if (block === undefined || block.done) continue;
      const failed = failBlock(current.state, member, block, "no answer");
      current = { state: failed.state, commands: [...current.commands, ...failed.commands] };
    }
  }
  return current;
}

/** A lease that ran out goes to somebody else; the first valid result still wins. */
function expireLeases(state: RoundState, nowMs: number): Step {
  const { round } = state;
  if (round === null) return { state, commands: [] };
  const expired = round.blocks.filter(({ lease }) => lease !== null && nowMs >= lease.deadlineMs);
  if (expired.length === 0) return { state, commands: [] };
  const commands: Command[] = [];
  const members = state.members.map((member) => {
    const late = expired.flatMap((block) => lateLease(block, member, round, nowMs));
    if (late.length === 0) return member;
    for (const { index, abandonMs } of late) {
      commands.push({
        type: "notify",
        event: {
          type: "lease-late",
          worker: member.name,
          tasks: describeTasks(round.spec, round.level, index),
          leaseMs: leaseMsOf(round.blocks[index]!),
          abandonMs: abandonMs - nowMs,
        },
      });
    }
    return { ...member, late: [...member.late, ...late] };
  });
  const blocks = round.blocks.map((block) => (expired.includes(block) ? { ...block, lease: null } : block));
  return { state: { ...state, members, round: { ...round, blocks } }, commands };
}

function lateLease(block: Block, member: Member, round: Round, nowMs: number): LateLease[] {
  const { lease, index } = block;
  if (lease === null || lease.workerId !== member.workerId) return [];
  const abandonMs = nowMs + (ABANDON_FACTOR - 1) * leaseMsOf(block);
  return [{ leaseId: lease.leaseId, round: round.spec.number, index, sinceMs: nowMs, abandonMs }];
}

function leaseMsOf({ lease }: Block): number {
  return lease === null ? 0 : lease.deadlineMs - lease.issuedMs;
}

function beat(state: RoundState, nowMs: number): Step {
  if (nowMs < state.nextHeartbeatMs) return { state, commands: [] };
  const commands = state.members.map(({ workerId }): Command => {
    return { type: "send", workerId, message: { type: "heartbeat", leases: [] } };
  });
  return { state: { ...state, nextHeartbeatMs: nowMs + state.settings.heartbeatMs }, commands };
}

function dropAll(state: RoundState, members: readonly Member[], reasonFor: (member: Member) => string): Step {
  let current: Step = { state, commands: [] };
  for (const member of members) {
    const dropped = drop(current.state, member.workerId, CLOSE_CODES.policy, reasonFor(member));
    current = { state: dropped.state, commands: [...current.commands, ...dropped.commands] };
  }
  return current;
}

/** A worker's heartbeat names the leases it holds; what it does not name any more, it does not owe. */
export function forgive(member: Member, leases: readonly number[]): Member {
  if (!isReady(member) || member.late.length === 0) return member;
  return { ...member, late: member.late.filter(({ leaseId }) => leases.includes(leaseId)) };
}
