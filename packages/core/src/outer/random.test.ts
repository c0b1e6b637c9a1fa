import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { normalQuantile } from "./normal-quantile.ts";
import { createRandom } from "./random.ts";

const draw = <T>(n: number, next: () => T): T[] => Array.from({ length: n }, next);
const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe("createRandom", () => {
  test("gives the same numbers everywhere: a change of these breaks every stored run", () => {
    const random = createRandom(1, 2, 3);
    expect(draw(4, random.uint32)).toEqual([2640695843, 365752992, 3749514300, 2180190609]);
    expect(random.uniform()).toBe(0.3972031813841448);
    expect(random.normal()).toBe(0.4451645153623927);
  });

  test("gives other numbers for other coordinates, their order, and their count", () => {
    const firsts = [[], [0], [0, 0], [1], [0, 1], [1, 0], [2], [0xffff_ffff]].map((coordinates) =>
      createRandom(...coordinates).uint32(),
    );
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  test("gives independent streams for neighbouring indices", () => {
    // 20,000 first numbers of neighbouring streams: mean 1/2 +- 5 sd, and no correlation with the next one.
    const firsts = Array.from({ length: 20_000 }, (_, index) => createRandom(7, 1, index).uniform());
    expect(Math.abs(mean(firsts) - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / 20_000));
    const products = firsts.slice(1).map((value, i) => (value - 0.5) * (firsts[i]! - 0.5));
    expect(Math.abs(mean(products))).toBeLessThan((5 / 12) * Math.sqrt(1 / 20_000));
  });

  test("draws whole numbers without bias", () => {
    const random = createRandom(5);
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) counts[random.int(6)]!++;
    // chi^2 with 5 degrees of freedom exceeds 20.5 once in a thousand seeds
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(20.5);
  });

  test("stays in range for every n", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
        const value = createRandom(seed).int(n);
        return Number.isInteger(value) && value >= 0 && value < n;
      }),
    );
  });

  test("shuffles every element to every place", () => {
    const places = new Set<string>();
    for (let seed = 0; seed < 200; seed++) places.add(createRandom(seed).shuffle(["a", "b", "c"]).join(""));
    expect(places.size).toBe(6);
  });

  test("draws standard normals", () => {
    const values = draw(40_000, createRandom(3).normal);
    expect(Math.abs(mean(values))).toBeLessThan(5 / Math.sqrt(40_000));
    expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(5 * Math.sqrt(2 / 40_000));
    expect(Math.abs(mean(values.map((value) => value ** 4)) - 3)).toBeLessThan(5 * Math.sqrt(96 / 40_000));
  });

  test("refuses coordinates that it would have to round", () => {
    for (const wrong of [-1, 0.5, 2 ** 32, Number.NaN]) expect(() => createRandom(wrong)).toThrow(RangeError);
    expect(() => createRandom(1).int(0)).toThrow(RangeError);
  });
});

describe("normalQuantile", () => {
  test("has the tabulated values", () => {
    // Quantiles to 15 digits, from the inverse error function.
    expect(normalQuantile(0.5)).toBe(0);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 14);
    expect(normalQuantile(0.025)).toBeCloseTo(-1.959963984540054, 14);
    expect(normalQuantile(0.8413447460685429)).toBeCloseTo(1, 14);
    expect(normalQuantile(1e-6)).toBeCloseTo(-4.753424308822899, 12);
    expect(normalQuantile(1e-9)).toBeCloseTo(-5.997807015007687, 12);
  });

  test("is continuous where the two approximations meet", () => {
    expect(normalQuantile(0.925 + 1e-12) - normalQuantile(0.925 - 1e-12)).toBeLessThan(2e-11);
  });
});
