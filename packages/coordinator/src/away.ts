import { AWAY_MS, TICK_MS } from "./limits.ts";
import type { BlockLease, Member, RoundEvent, RoundState, Step } from "./round-state.ts";
import { mapBlocks } from "./rounds.ts";

/**
 * The coordinator's process ran at `beforeMs`, and runs again now. If it did not in between, because it was
 * stopped, or its machine was suspended or out of breath, this says for how long; null for what the ticks
 * leave free anyway.
 */
export function awayEvent(beforeMs: number, nowMs: number): Extract<RoundEvent, { type: "away" }> | null {
  const ms = nowMs - beforeMs - TICK_MS;
  return ms < AWAY_MS ? null : { type: "away", ms };
}

/**
 * The coordinator was away: nobody could be heard, so nobody was silent, and no deadline passed. Every
 * deadline moves by that time; else the first tick would drop all workers, or end the run for want of them.
 */
export function returnFrom(state: RoundState, ms: number): Step {
  const { awaiting } = state;
  const moved = mapBlocks(state, (block) =>
    block.leases.length === 0
      ? block
      : { ...block, leases: block.leases.map((lease) => laterLease(lease, ms)) },
  );
  return {
    state: {
      ...moved,
      members: state.members.map((member) => later(member, ms)),
      awaiting: awaiting === null ? null : { ...awaiting, untilMs: awaiting.untilMs + ms },
    },
    commands: [{ type: "notify", event: { type: "was-away", ms } }],
  };
}

/** Its worker may have gone on; that its answer was not heard makes it no straggler. */
function laterLease(lease: BlockLease, ms: number): BlockLease {
  const begunMs = lease.begunMs === null ? null : lease.begunMs + ms;
  return { ...lease, begunMs, deadlineMs: lease.deadlineMs + ms };
}

function later(member: Member, ms: number): Member {
  const { status, dismissal } = member;
  return {
    ...member,
    heardMs: member.heardMs + ms,
    status: status.type === "preparing" ? { ...status, untilMs: status.untilMs + ms } : status,
    dismissal: dismissal === null ? null : { ...dismissal, untilMs: dismissal.untilMs + ms },
    late: member.late.map((late) => ({ ...late, abandonMs: late.abandonMs + ms })),
  };
}
