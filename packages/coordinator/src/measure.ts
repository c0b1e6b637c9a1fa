import { leavesOf, type Node } from "./blocks.ts";
import { SLOWDOWN_MAX } from "./limits.ts";
import type { RoundSpec } from "./round-spec.ts";
import type { Member } from "./round-state.ts";

/**
 * The speed of a worker with one more measurement: half the old value, half the new one.
 *
 * The new one counts as at most `SLOWDOWN_MAX` times the old one: one stall must not take the worker's next
 * blocks away, while one that has become slow is known to be after a few blocks.
 */
export function withMeasurement(member: Member, spec: RoundSpec, node: Node, computeMs: number): Member {
  const now = computeMs / leavesOf(spec, node).count;
  return { ...member, leafMs: { ...member.leafMs, [spec.kind]: mean(member.leafMs[spec.kind], now) } };
}

/** The same for what an answer takes beside the computing. */
export function withLag(member: Member, lagMs: number): Member {
  return { ...member, lagMs: mean(member.lagMs === 0 ? null : member.lagMs, Math.max(0, lagMs)) };
}

function mean(before: number | null, now: number): number {
  return before === null ? now : (before + Math.min(now, SLOWDOWN_MAX * before)) / 2;
}
