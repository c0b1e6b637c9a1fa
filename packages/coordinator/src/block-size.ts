import { BLOCK_MS_MAX, BLOCK_MS_MIN, SHARE_DIVISOR } from "./limits.ts";
import type { RoundSpec } from "./round-spec.ts";
import { type Forecast, leafMsOf, type Workload } from "./workload.ts";

/**
 * When `leaves` more leaves would be done if they could be divided freely among all slots, in ms from now: the
 * time `T` at which the slots' free time adds up to the work, `sum over slots of max(0, T - free) / leafMs = leaves`.
 */
export function levelEndMs(
  { workloads, usualLeafMs }: Forecast,
  kind: RoundSpec["kind"],
  leaves: number,
): number {
  const slots = workloads
    .flatMap(({ member, slotMs }) => {
      const rate = 1 / leafMsOf(member, kind, usualLeafMs);
      return slotMs.map((freeMs) => ({ freeMs, rate }));
    })
    .sort((a, b) => a.freeMs - b.freeMs);
  let rates = 0;
  let missed = 0;
  let endMs = Number.POSITIVE_INFINITY;
  for (const { freeMs, rate } of slots) {
    if (freeMs >= endMs) break;
    rates += rate;
    missed += rate * freeMs;
    endMs = (leaves + missed) / rates;
  }
  return endMs;
}

/**
 * How many leaves the next block of a worker should have, a power of two; 0: others finish the round without it.
 *
 * A slot is expected to do its share of the work, `(T - free) / leafMs` leaves, until the level end `T`; it gets
 * half of that now (factoring, Hummel et al. 1992), so that a wrong guess can still be made good, and fast
 * workers get bigger blocks than slow ones. Sizes decide traffic and balance, never the result.
 *
 * Where a block is divided among the slots, it is what all of them do together, at least a leaf each: the sum of
 * its gradients comes back once.
 *
 * @param isFirst whether no other worker would finish one leaf earlier
 * @param leavesUnmeasured most leaves for a worker whose speed is not known
 */
export function blockLeavesFor(
  load: Workload,
  kind: RoundSpec["kind"],
  { usualLeafMs }: Forecast,
  endMs: number,
  isFirst: boolean,
  leavesUnmeasured: number,
): number {
  const { member, slotMs } = load;
  const leafMs = leafMsOf(member, kind, usualLeafMs);
  const lanes = member.status.dividesBlocks ? slotMs : slotMs.slice(0, 1);
  const freeMs = lanes.reduce((sum, laneMs) => sum + Math.max(0, endMs - laneMs), 0);
  // Sums of floats: a whole leaf may come out a little short.
  const share = freeMs / leafMs + 1e-6;
  if (share < 1) return isFirst ? 1 : 0;
  const laneLeavesMax = member.leafMs[kind] === null ? leavesUnmeasured : BLOCK_MS_MAX / leafMs;
  const leavesMax = lanes.length * laneLeavesMax;
  const least = lanes.length * Math.max(1, BLOCK_MS_MIN / leafMs);
  const wanted = Math.max(share / SHARE_DIVISOR, Math.min(share, least));
  const leaves = 2 ** Math.max(0, Math.round(Math.log2(Math.min(wanted, leavesMax))));
  return leaves <= share ? leaves : 2 ** Math.floor(Math.log2(share));
}
