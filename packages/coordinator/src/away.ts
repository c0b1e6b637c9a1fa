import { AWAY_MS, TICK_MS } from "./limits.ts";
import type { Member, RoundEvent, RoundState, Step } from "./round-state.ts";

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
  const { round, awaiting } = state;
  const blocks = round?.blocks.map((block) => {
    const { lease } = block;
    return lease === null ? block : { ...block, lease: { ...lease, deadlineMs: lease.deadlineMs + ms } };
  });
  return {
    state: {
      ...state,
      members: state.members.map((member) => later(member, ms)),
      round: round === null ? null : { ...round, blocks: blocks! },
      awaiting: awaiting === null ? null : { ...awaiting, untilMs: awaiting.untilMs + ms },
    },
    commands: [{ type: "notify", event: { type: "was-away", ms } }],
  };
}

function later(member: Member, ms: number): Member {
  const { status } = member;
  return {
    ...member,
    heardMs: member.heardMs + ms,
    status: status.type === "preparing" ? { ...status, untilMs: status.untilMs + ms } : status,
    late: member.late.map((late) => ({ ...late, abandonMs: late.abandonMs + ms })),
  };
}
