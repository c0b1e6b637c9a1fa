import { createRandom } from "@shoal/core/outer";
import fc from "fast-check";
import { expect, test } from "vitest";
import { drawWithoutReplacement } from "./draw-without-replacement.ts";

test("draws are different integers in range", () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 60 }), fc.nat(60), (seed, size, count) => {
      const drawn = drawWithoutReplacement(createRandom(seed), Math.min(count, size), size);
      expect(drawn).toHaveLength(Math.min(count, size));
      expect(new Set(drawn).size).toBe(drawn.length);
      expect(drawn.every((value) => Number.isInteger(value) && value >= 0 && value < size)).toBe(true);
    }),
  );
});

// 4 * 3 = 12 ordered pairs, 12,000 draws: 1,000 of each. Chi-square with 11 degrees of freedom exceeds
// 31.3 with probability 0.001; the seed is fixed, so this passes always or never.
test("every ordered draw is equally likely", () => {
  const random = createRandom(7);
  const counts = new Map<string, number>();
  for (let i = 0; i < 12_000; i++) {
    const key = drawWithoutReplacement(random, 2, 4).join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(12);
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
  expect(chiSquare).toBeLessThan(31.3);
});

test("more than there is cannot be drawn", () => {
  expect(() => drawWithoutReplacement(createRandom(1), 3, 2)).toThrow(RangeError);
});
