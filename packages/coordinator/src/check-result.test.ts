import { layoutParams } from "@shoal/core/outer";
import { expect, test } from "vitest";
import { findNonFinite } from "./check-result.ts";

const layout = layoutParams([
  { name: "weights", shape: [2] },
  { name: "bias", shape: [1] },
]);

/** Two tasks from episode 40 with two statistics each, then the gradient. */
const check = (...body: readonly number[]): string | null =>
  findNonFinite({
    body: Float32Array.from(body),
    statNames: ["loss", "accuracy"],
    taskCount: 2,
    firstEpisode: 40,
    layout,
  });

test.each<[string | null, number[]]>([
  [null, [1, 2, 3, 4, 5, 6, 7]],
  [null, [3.4e38, -3.4e38, 1e-45, -0, 3.4e38, 3.4e38, 3.4e38]],
  ["episode 40: loss is NaN", [Number.NaN, 2, 3, 4, 5, 6, 7]],
  ["episode 41: accuracy is Infinity", [1, 2, 3, Number.POSITIVE_INFINITY, 5, 6, 7]],
  // float32 ends at 3.4e38.
  ["episode 41: loss is -Infinity", [1, 2, -1e39, 4, Number.NaN, 6, 7]],
  ["gradient of weights is NaN", [1, 2, 3, 4, 5, Number.NaN, 7]],
  ["gradient of bias is Infinity", [1, 2, 3, 4, 5, 6, Number.POSITIVE_INFINITY]],
  ["gradient of parameter 3 is NaN", [1, 2, 3, 4, 5, 6, 7, Number.NaN]],
  [null, []],
])("says %j of the floats %j", (expected, body) => {
  expect(check(...body)).toBe(expected);
});
