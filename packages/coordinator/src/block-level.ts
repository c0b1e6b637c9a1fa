import { BLOCK_MS_MAX, BLOCKS_PER_SLOT, LEAVES_PER_BLOCK_UNMEASURED } from "./limits.ts";
import { isReady } from "./members.ts";
import { leafCountOf, type RoundSpec } from "./round-spec.ts";
import type { RoundState } from "./round-state.ts";

/**
 * The level of a round's blocks: as many leaves per block as give every slot about
 * `BLOCKS_PER_SLOT` blocks and no block more than `BLOCK_MS_MAX` of work.
 *
 * It decides traffic and balance, never the result: any aligned size gives the same bits.
 */
export function chooseLevel(state: RoundState, spec: RoundSpec): number {
  const ready = state.members.filter(isReady);
  const slots = ready.reduce((sum, { status }) => sum + status.slots, 0);
  const measured = ready.flatMap(({ leafMs }) => leafMs[spec.kind] ?? []);
  const leavesBySpeed =
    measured.length === 0 ? LEAVES_PER_BLOCK_UNMEASURED : BLOCK_MS_MAX / Math.max(1e-3, ...measured);
  const leavesByBalance = leafCountOf(spec) / (BLOCKS_PER_SLOT * Math.max(1, slots));
  return Math.max(0, Math.floor(Math.log2(Math.min(leavesBySpeed, leavesByBalance))));
}
