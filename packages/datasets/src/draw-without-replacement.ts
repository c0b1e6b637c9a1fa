import type { Random } from "@shoal/core/outer";

/**
 * Draws `count` different integers from `0 ... size - 1`; every ordered draw is equally likely.
 *
 * The first `count` steps of a Fisher-Yates shuffle, which keeps only the places that changed: the
 * cost is that of `count`, not of `size`.
 */
export function drawWithoutReplacement(random: Random, count: number, size: number): number[] {
  if (count > size) throw new RangeError(`drawWithoutReplacement: ${count} of ${size}`);
  const moved = new Map<number, number>();
  const drawn: number[] = [];
  for (let i = 0; i < count; i++) {
    const j = i + random.int(size - i);
    drawn.push(moved.get(j) ?? j);
    moved.set(j, moved.get(i) ?? i);
  }
  return drawn;
}
