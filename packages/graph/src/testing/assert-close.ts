import assert from "node:assert/strict";

/** Every value lies within `tolerance` of the expected one, relative to its output's largest or to 1. */
export function assertClose(
  actual: readonly number[][],
  expected: readonly number[][],
  tolerance: number,
): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((values, k) => {
    const scale = Math.max(1, ...expected[k]!.map(Math.abs));
    values.forEach((value, i) => {
      assert.ok(
        Math.abs(value - expected[k]![i]!) < tolerance * scale,
        `output ${k}, element ${i}: ${value} against ${expected[k]![i]}`,
      );
    });
  });
}
