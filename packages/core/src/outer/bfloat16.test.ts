import fc from "fast-check";
import { expect, test } from "vitest";
import { roundToBfloat16 } from "./bfloat16.ts";

function floatOf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits).buffer)[0]!;
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

function rounded(value: number): number {
  const values = Float32Array.of(value);
  roundToBfloat16(values);
  return values[0]!;
}

/**
 * The definition, in float64, where all of it is exact: a bfloat16 has 8 significant bits, the least of which is worth
 * 2^(e - 7) for a value in [2^e, 2^(e + 1)), and 2^-133 below 2^-126; the nearest multiple, ties to the even one;
 * what is not below 2^128 is infinite.
 */
function reference(value: number): number {
  if (!Number.isFinite(value)) return value;
  const exponent = Math.max(-126, ((bitsOf(value) >>> 23) & 0xff) - 127);
  const unit = 2 ** (exponent - 7);
  const multiple = Math.abs(value) / unit;
  const below = Math.floor(multiple);
  const isUp = multiple - below > 0.5 || (multiple - below === 0.5 && below % 2 === 1);
  const magnitude = (below + (isUp ? 1 : 0)) * unit;
  return (value < 0 || Object.is(value, -0) ? -1 : 1) * (magnitude < 2 ** 128 ? magnitude : Infinity);
}

test("rounds to the nearest bfloat16, ties to even, at every exponent and either sign", () => {
  // Fractions that lie on a bfloat16, next to one, at the middle of two, next to that; odd, even, and the last.
  const kept = [0x00_0000, 0x01_0000, 0x02_0000, 0x3f_0000, 0x40_0000, 0x7e_0000, 0x7f_0000];
  const lost = [0x0000, 0x0001, 0x7fff, 0x8000, 0x8001, 0xffff];
  const wrong: string[] = [];
  for (let exponent = 0; exponent < 255; exponent++) {
    for (const fraction of kept.flatMap((high) => lost.map((low) => high | low))) {
      for (const sign of [0, 0x8000_0000]) {
        const value = floatOf((sign | (exponent << 23) | fraction) >>> 0);
        const [came, expected] = [rounded(value), reference(value)];
        if (!Object.is(came, expected)) wrong.push(`${value}: expected ${expected}, got ${came}`);
      }
    }
  }
  expect(wrong).toEqual([]);
});

test("rounds any float as the definition does, and a rounded one to itself", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (bits) => {
      const value = floatOf(bits);
      const came = rounded(value);
      expect(came).toBe(reference(value));
      expect(bitsOf(came) & 0xffff).toBe(0);
      expect(rounded(came)).toBe(came);
    }),
  );
});

test("keeps what is not finite, so that the check for it still finds it", () => {
  expect([Infinity, -Infinity].map(rounded)).toEqual([Infinity, -Infinity]);
  // A signalling NaN whose mark lies in the lower half, and one with every bit set, which a sum would carry over.
  for (const bits of [0x7f80_0001, 0xff80_0001, 0x7fc0_0000, 0x7fff_ffff, 0xffff_ffff]) {
    const values = new Float32Array(Uint32Array.of(bits).buffer);
    roundToBfloat16(values);
    expect(values[0]).toBeNaN();
  }
});

test("what lies beyond the largest bfloat16 by half a unit or more becomes infinite", () => {
  // The largest is (2 - 2^-7) 2^127; the middle to 2^128 is (2 - 2^-8) 2^127, and even is up.
  expect(rounded((2 - 2 ** -8) * 2 ** 127)).toBe(Infinity);
  expect(rounded((2 - 2 ** -8 - 2 ** -20) * 2 ** 127)).toBe((2 - 2 ** -7) * 2 ** 127);
});
