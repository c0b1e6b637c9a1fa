import fc from "fast-check";
import { expect, test } from "vitest";
import { cosine, exponential, sine } from "./exact-math.ts";

// Math.sin, Math.cos and Math.exp err by about one unit in the last place, 1e-16 near 1; reducing the
// argument by k * pi, |k| < 32, costs up to 32 * 1.2e-16 of it.
test("sine and cosine agree with the engine's to 1e-14", () => {
  fc.assert(
    fc.property(fc.double({ min: -98, max: 98, noNaN: true }), (x) => {
      expect(Math.abs(sine(x) - Math.sin(x))).toBeLessThan(1e-14);
      expect(Math.abs(cosine(x) - Math.cos(x))).toBeLessThan(1e-14);
    }),
  );
});

test("the exponential agrees with the engine's to a relative 1e-14", () => {
  fc.assert(
    fc.property(fc.double({ min: -20, max: 20, noNaN: true }), (x) => {
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-14);
    }),
  );
});

// sin(pi / 6) = 1/2, cos(0) = 1, exp(0) = 1, and sine is odd.
test("known values come out", () => {
  expect(sine(Math.PI / 6)).toBeCloseTo(0.5, 15);
  expect(sine(0)).toBe(0);
  expect(cosine(0)).toBeCloseTo(1, 15);
  expect(exponential(0)).toBe(1);
  expect(sine(-2)).toBe(-sine(2));
});
