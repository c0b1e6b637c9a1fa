import { DISMISS_MS, DISMISSED_MAX } from "./limits.ts";
import { findMember, replaceMember } from "./members.ts";
import type { Command, Dismissal, Member, RoundState, Step } from "./round-state.ts";

/**
 * Somebody wants a worker to leave: it is told, and gets no other lease. It answers as to a signal, by `draining`;
 * what it does not give back still counts.
 */
export function dismiss(state: RoundState, workerId: string, reason: string, nowMs: number): Step {
  const member = findMember(state, workerId);
  if (member === undefined || member.dismissal !== null) return { state, commands: [] };
  const { name } = member;
  const dismissed = [...state.dismissed, { name, reason }].slice(-DISMISSED_MAX);
  return {
    state: { ...replaceMember(state, withDismissal(member, { reason, ...termOf(nowMs) })), dismissed },
    commands: telling(workerId, name, reason),
  };
}

/** A worker is back that was told to leave and did not hear it, its connection having been cut: it is told again. */
export function dismissAgain(state: RoundState, member: Member, nowMs: number): Step {
  const before = state.dismissed.find(({ name }) => name === member.name);
  if (before === undefined) return { state, commands: [] };
  const { reason } = before;
  return {
    state: replaceMember(state, withDismissal(member, { reason, ...termOf(nowMs) })),
    commands: telling(member.workerId, member.name, reason),
  };
}

/** It has heard: whoever comes under its name from now on is another one. */
export function forgetDismissal(state: RoundState, member: Member): RoundState {
  return { ...state, dismissed: state.dismissed.filter(({ name }) => name !== member.name) };
}

function termOf(nowMs: number): Pick<Dismissal, "sinceMs" | "untilMs"> {
  return { sinceMs: nowMs, untilMs: nowMs + DISMISS_MS };
}

function telling(workerId: string, worker: string, reason: string): readonly Command[] {
  return [
    { type: "send", workerId, message: { type: "drain", reason } },
    { type: "notify", event: { type: "worker-dismissed", workerId, worker, reason } },
  ];
}

function withDismissal(member: Member, dismissal: Dismissal): Member {
  const { status } = member;
  return {
    ...member,
    dismissal,
    status: status.type === "ready" ? { ...status, isDraining: true } : status,
  };
}
