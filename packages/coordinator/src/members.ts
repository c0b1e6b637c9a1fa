import type { Member, Ready, RoundState } from "./round-state.ts";

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

/** Members that go by this word: an id, a name as it was given, or the whole name of messages. */
export function membersCalled(state: RoundState, word: string): readonly Member[] {
  return state.members.filter(
    ({ workerId, name, givenName }) => workerId === word || givenName === word || name === word,
  );
}

export function replaceMember(state: RoundState, changed: Member): RoundState {
  const members = state.members.map((member) => (member.workerId === changed.workerId ? changed : member));
  return { ...state, members };
}

/** Ready workers that may be given work: they are not about to leave. */
export function availableMembers(state: RoundState): readonly ReadyMember[] {
  return readyMembers(state).filter(({ status }) => !status.isDraining);
}

/** Whether the worker owes the answer to a lease that ran out. It gets no other before it answers. */
export function isOwing({ late }: Member): boolean {
  return late.some(({ why }) => why === "expired");
}
