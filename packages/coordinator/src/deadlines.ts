import { CLOSE_CODES } from "@shoal/protocol";
import { isSame } from "./blocks.ts";
import { failBlock } from "./failures.ts";
import { DISMISS_MS } from "./limits.ts";
import { isReady } from "./members.ts";
import { drop } from "./membership.ts";
import { endedLease } from "./revoke.ts";
import { describeTasks } from "./round-spec.ts";
import type { Command, LateLease, Member, RoundState, Step } from "./round-state.ts";
import { findRound, liveLeases, withoutLeases } from "./rounds.ts";

/** Looks at every deadline; each has an owner, and a message that says what was waited for. */
export function passTime(state: RoundState, nowMs: number): Step {
  const steps = [dropSilent, dropUnprepared, dropDismissed, dropOwing, expireLeases, beat];
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

/** A worker that was told to leave and does not is told again when it comes back. */
function dropDismissed(state: RoundState, nowMs: number): Step {
  const lingering = state.members.filter(({ dismissal }) => dismissal !== null && nowMs >= dismissal.untilMs);
  return dropAll(state, lingering, () => `told to leave, and still there after ${DISMISS_MS} ms`);
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
      const round = findRound(current.state, late.round);
      const block = round?.blocks.find((block) => isSame(block, late));
      if (round === undefined || block === undefined || block.winner !== null) continue;
      const failed = failBlock(current.state, member, round, block, "no answer");
      current = { state: failed.state, commands: [...current.commands, ...failed.commands] };
    }
  }
  return current;
}

/** A lease that ran out goes to somebody else; the first valid result still wins. */
function expireLeases(state: RoundState, nowMs: number): Step {
  const expired = liveLeases(state).filter(({ lease }) => nowMs >= lease.deadlineMs);
  if (expired.length === 0) return { state, commands: [] };
  const commands: Command[] = [];
  const members = state.members.map((member) => {
    const mine = expired.filter(({ lease }) => lease.workerId === member.workerId);
    if (mine.length === 0) return member;
    const late = mine.map(({ round, block, lease }) =>
      endedLease(lease, round.spec, block, "expired", nowMs),
    );
    for (const [i, { round, block, lease }] of mine.entries()) {
      const event = {
        type: "lease-late",
        worker: member.name,
        tasks: describeTasks(round.spec, block.level, block.index),
        leaseMs: lease.deadlineMs - lease.issuedMs,
        abandonMs: late[i]!.abandonMs - nowMs,
      } as const;
      commands.push({ type: "notify", event });
    }
    return { ...member, late: [...member.late, ...late] };
  });
  const ids = new Set(expired.map(({ lease }) => lease.leaseId));
  return { state: withoutLeases({ ...state, members }, ({ leaseId }) => ids.has(leaseId)), commands };
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
