import type { Member, Ready, Round, RoundState } from "./round-state.ts";

export type ReadyMember = Member & { readonly status: Ready };

export function isReady(member: Member): member is ReadyMember {
  return member.status.type === "ready";
}

export function readyMembers(state: RoundState): readonly ReadyMember[] {
  return state.members.filter(isReady);
}

export function findMember(state: RoundState, workerId: string): Member | undefined {
  return state.members.find((member) => member.workerId === workerId);
}

export function replaceMember(state: RoundState, changed: Member): RoundState {
  const members = state.members.map((member) => (member.workerId === changed.workerId ? changed : member));
  return { ...state, members };
}

/** Live leases per worker. */
export function heldByWorker(round: Round): Map<string, number> {
  const held = new Map<string, number>();
  for (const { lease } of round.blocks) {
    if (lease !== null) held.set(lease.workerId, (held.get(lease.workerId) ?? 0) + 1);
  }
  return held;
}
