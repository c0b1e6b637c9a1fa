import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytes, count, duration, percent } from "./format.ts";

describe("a duration", () => {
  test.each([
    [0, "0 s"],
    [-3, "0 s"],
    [0.49, "0 s"],
    [0.5, "1 ms"],
    [83.4, "83 ms"],
    [999.49, "999 ms"],
    [999.5, "1.0 s"],
    [4_249, "4.2 s"],
    [59_949, "59.9 s"],
    // One decimal more would read 60.0 s.
    [59_950, "1 min 0 s"],
    [200_000, "3 min 20 s"],
    [3_599_499, "59 min 59 s"],
    [3_599_500, "1 h 00 min"],
    [7_500_000, "2 h 05 min"],
    [360_000_000, "100 h 00 min"],
  ])("of %d ms reads %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  test("never counts a unit to its limit, and is right to half of its last unit", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        const text = duration(ms);
        expect(text).not.toMatch(/^1000 ms|^60\.0 s|\b60 (s|min)/);
        const units: Record<string, number> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };
        const parts = [...text.matchAll(/([\d.]+) (ms|s|min|h)/g)];
        const read = parts.reduce((sum, [, value, unit]) => sum + Number(value) * units[unit!]!, 0);
        const last = parts.at(-1)![0];
        // Minutes after hours are cut off, all else is rounded; 0 s stands for less than half a ms.
        const error = text.includes("h")
          ? 60_500
          : last.includes(".")
            ? 50
            : last.endsWith("ms") || ms < 1
              ? 0.5
              : 500;
        expect(Math.abs(read - ms)).toBeLessThanOrEqual(error + 1e-6);
      }),
    );
  });
});

describe("a size", () => {
  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [1536, "1.5 KiB"],
    // 2^20 - 1 bytes are 1023.999 KiB, which would read 1024.0 KiB.
    [1024 ** 2 - 1, "1.0 MiB"],
    [1024 ** 2, "1.0 MiB"],
    [15.04 * 1024 ** 2, "15.0 MiB"],
    [1024 ** 3 - 1, "1.0 GiB"],
    [1024 ** 4, "1.0 TiB"],
    [3000 * 1024 ** 4, "3000.0 TiB"],
  ])("of %d bytes reads %s", (value, text) => {
    expect(bytes(value)).toBe(text);
  });
});

test("a count has commas between thousands, on every machine", () => {
  expect([0, 999, 1000, 1_234_567].map(count)).toEqual(["0", "999", "1,000", "1,234,567"]);
});

test("a share reads as a percentage with two decimals", () => {
  expect([0, 0.953, 0.98765, 1].map(percent)).toEqual(["0.00 %", "95.30 %", "98.77 %", "100.00 %"]);
});
