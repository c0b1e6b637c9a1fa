import fc from "fast-check";
import { expect, test } from "vitest";
import { splitClasses } from "./split-classes.ts";

test("splits are disjoint, of the sizes asked for, and a function of the seed", () => {
  fc.assert(
    fc.property(
      fc.nat(50),
      fc.nat(50),
      fc.nat(50),
      fc.nat(20),
      fc.nat(0xffff_ffff),
      (a, b, c, rest, seed) => {
        const sizes = { train: a, validation: b, test: c };
        const split = splitClasses("glyphs", a + b + c + rest, sizes, seed);
        const all = [...split.train, ...split.validation, ...split.test];
        expect([split.train.length, split.validation.length, split.test.length]).toEqual([a, b, c]);
        expect(new Set(all).size).toBe(all.length);
        expect(all.every((index) => index >= 0 && index < a + b + c + rest)).toBe(true);
        expect(splitClasses("glyphs", a + b + c + rest, sizes, seed)).toEqual(split);
      },
    ),
  );
});

test("another seed gives another split", () => {
  const sizes = { train: 700, validation: 100, test: 200 };
  expect(splitClasses("glyphs", 1000, sizes, 2)).not.toEqual(splitClasses("glyphs", 1000, sizes, 1));
});

test("more classes than there are is refused, with the sum", () => {
  expect(() => splitClasses("omniglot", 1623, { train: 1200, validation: 100, test: 423 }, 1)).toThrow(
    "expected trainClasses + validationClasses + testClasses <= 1623, the characters of omniglot; " +
      "got 1200 + 100 + 423 = 1723; lower one of them",
  );
});

test("a split seed beyond 32 bits is refused", () => {
  expect(() => splitClasses("omniglot", 9, { train: 3, validation: 3, test: 3 }, 2 ** 32)).toThrow(
    "dataset.splitSeed: expected an integer from 0 to 4294967295, got 4294967296",
  );
});
