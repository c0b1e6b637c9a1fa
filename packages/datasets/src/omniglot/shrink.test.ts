import fc from "fast-check";
import { expect, test } from "vitest";
import { shrinkBinary, shrinkGrey } from "./shrink.ts";

/** A 105 x 105 bitmap with ink at the given places. */
function bitmapOf(ink: readonly (readonly [row: number, column: number])[]): Uint8Array {
  const bits = new Uint8Array(1379);
  for (const [row, column] of ink) {
    const i = row * 105 + column;
    bits[i >> 3]! |= 0x80 >> (i & 7);
  }
  return bits;
}

function shrink(how: typeof shrinkBinary, bitmap: Uint8Array): Uint8Array {
  const target = new Uint8Array(28 * 28);
  how(bitmap, target);
  return target;
}

// floor((i + 0.5) * 3.75) for i = 0, 1, 2, 3 and 27: 1.875, 5.625, 9.375, 13.125, 103.125.
test("nearest neighbour takes PIL's source pixels", () => {
  for (const [target, source] of [
    [0, 1],
    [1, 5],
    [2, 9],
    [3, 13],
    [27, 103],
  ] as const) {
    expect(shrink(shrinkBinary, bitmapOf([[source, source]]))[target * 28 + target]).toBe(255);
  }
  expect(
    shrink(
      shrinkBinary,
      bitmapOf([
        [0, 0],
        [2, 2],
        [4, 5],
        [104, 104],
      ]),
    ).every((byte) => byte === 0),
  ).toBe(true);
});

// Output pixel 0 covers source pixels 0, 1, 2 and three quarters of 3; output pixel 1 the last quarter of
// 3, then 4, 5, 6 and half of 7. One source pixel inside is 1 / 3.75^2 = 16 / 225 of the area.
test("the area average weighs source pixels by what is covered", () => {
  const inside = shrink(shrinkGrey, bitmapOf([[1, 1]]));
  expect(inside[0]).toBe(Math.round((255 * 16) / 225));
  const shared = shrink(shrinkGrey, bitmapOf([[1, 3]]));
  expect(shared[0]).toBe(Math.round((255 * 12) / 225));
  expect(shared[1]).toBe(Math.round((255 * 4) / 225));
});

test("all ink stays all ink, and no ink is lost", () => {
  const everywhere = bitmapOf(
    Array.from({ length: 105 * 105 }, (_, i) => [Math.floor(i / 105), i % 105] as const),
  );
  for (const how of [shrinkBinary, shrinkGrey]) {
    expect(shrink(how, everywhere).every((byte) => byte === 255)).toBe(true);
  }
  const place = fc.tuple(fc.nat(104), fc.nat(104));
  fc.assert(
    fc.property(fc.uniqueArray(place, { selector: String, maxLength: 300 }), (ink) => {
      const sum = shrink(shrinkGrey, bitmapOf(ink)).reduce((total, byte) => total + byte, 0);
      // Each of at most 4 pixels per source pixel is rounded by at most a half.
      expect(Math.abs(sum - (255 * 16 * ink.length) / 225)).toBeLessThanOrEqual(2 * ink.length);
    }),
  );
});
