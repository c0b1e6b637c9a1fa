import type { CoordinatorMessage } from "@shoal/protocol";
import { isSame, type Node } from "./blocks.ts";
import { ABANDON_FACTOR } from "./limits.ts";
import type { RoundSpec } from "./round-spec.ts";
import type { BlockLease, Command, LateLease, RoundState, Step } from "./round-state.ts";

/**
 * Tells workers that a block is not needed from them any more, in time or late: they drop it, or stop after the
 * leaf that runs, and say so. Until then the lease keeps one of their slots.
 *
 * @param leases that were live, and are no longer part of `state`'s blocks
 */
export function revoke(state: RoundState, spec: RoundSpec, node: Node, leases: readonly BlockLease[]): Step {
  const commands: Command[] = [];
  const members = state.members.map((member) => {
    const live = leases
      .filter(({ workerId }) => workerId === member.workerId)
      .map((lease) => endedLease(lease, spec, node, "revoked", lease.deadlineMs));
    const owed = member.late.filter(
      (late) => late.why === "expired" && late.round === spec.number && isSame(late, node),
    );
    for (const { leaseId } of [...owed, ...live]) {
      const message: CoordinatorMessage = { type: "revoke", leaseIds: [leaseId] };
      commands.push({ type: "send", workerId: member.workerId, message });
    }
    return live.length === 0 ? member : { ...member, late: [...member.late, ...live] };
  });
  return { state: commands.length === 0 ? state : { ...state, members }, commands };
}

/** A live lease as one that is over since `sinceMs`, or will be at its deadline. */
export function endedLease(
  lease: BlockLease,
  spec: RoundSpec,
  { level, index }: Node,
  why: LateLease["why"],
  sinceMs: number,
): LateLease {
  const leaseMs = lease.deadlineMs - lease.issuedMs;
  return {
    leaseId: lease.leaseId,
    round: spec.number,
    level,
    index,
    why,
    hasBegun: lease.begunMs !== null,
    sinceMs,
    abandonMs: sinceMs + (ABANDON_FACTOR - 1) * leaseMs,
  };
}
