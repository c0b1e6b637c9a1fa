import { forgetDismissal } from "./dismiss.ts";
import { findMember, isReady, replaceMember } from "./members.ts";
import { leave } from "./membership.ts";
import type { RoundState, Step } from "./round-state.ts";
import { liveLeases, withoutLeases } from "./rounds.ts";

/**
 * A worker was told to leave and says so: the leases that it gives back are open at once, it gets no other, and
 * what it keeps still counts when it comes in time. Its `left`, or its deadlines, end its membership.
 */
export function drain(state: RoundState, workerId: string, reason: string, leases: readonly number[]): Step {
  const member = findMember(state, workerId);
  if (member === undefined) return { state, commands: [] };
  const heard = member.dismissal === null ? state : forgetDismissal(state, member);
  if (!isReady(member)) return leave(heard, workerId, reason);
  const isReturned = (leaseId: number): boolean => leases.includes(leaseId);
  const mine = liveLeases(state, workerId);
  const returned = mine.filter(({ lease }) => isReturned(lease.leaseId));
  const draining = {
    ...member,
    status: { ...member.status, isDraining: true },
    late: member.late.filter(({ leaseId }) => !isReturned(leaseId)),
  };
  const next = withoutLeases(
    replaceMember(heard, draining),
    (lease) => lease.workerId === workerId && isReturned(lease.leaseId),
  );
  const event = {
    type: "worker-draining",
    workerId,
    worker: member.name,
    reason,
    blocksReturned: returned.length,
    blocksKept: mine.length - returned.length,
  } as const;
  return { state: next, commands: [{ type: "notify", event }] };
}
