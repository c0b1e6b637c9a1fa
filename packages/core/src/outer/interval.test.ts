import { expect, test } from "vitest";
import { interval } from "./interval.ts";
import { layoutParams } from "./param-layout.ts";
import { paramsHash } from "./params-hash.ts";

test("the interval is 1.96 standard errors", () => {
  // mean 3; squared distances 4 + 1 + 0 + 1 + 4 = 10; s^2 = 10 / 4; 1.96 sqrt(2.5 / 5)
  const { mean, ci95, count } = interval([1, 2, 3, 4, 5]);
  expect([mean, count]).toEqual([3, 5]);
  expect(ci95).toBeCloseTo(1.96 * Math.sqrt(0.5), 12);
});

test("a single value has no spread", () => {
  expect(interval([7])).toEqual({ mean: 7, ci95: 0, count: 1 });
});

test("parameters lie one after the other", () => {
  const layout = layoutParams([
    { name: "w", shape: [2, 3] },
    { name: "b", shape: [] },
    { name: "v", shape: [4] },
  ]);
  expect(layout.entries.map(({ offset, size }) => [offset, size])).toEqual([
    [0, 6],
    [6, 1],
    [7, 4],
  ]);
  expect(layout.size).toBe(11);
});

test("the hash is SHA-256 of the little-endian bytes", () => {
  // printf '\\x00\\x00\\x80\\x3f' | sha256sum: the float32 1
  expect(paramsHash(Float32Array.of(1))).toBe(
    "e00e5eb9444182f352323374ef4e08ebcb784725fdd4fd612d7730540b3e0c8c",
  );
  const vector = Float32Array.of(0, 1, 2);
  expect(paramsHash(vector.subarray(1))).toBe(paramsHash(Float32Array.of(1, 2)));
});
