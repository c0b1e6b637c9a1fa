import { createHash } from "node:crypto";
import type { Examples } from "@shoal/core";
import { describe, expect, test } from "vitest";
import { openLinear } from "./linear.ts";

const config = { source: "linear", shots: 200, queries: 200, evaluationQueries: 200, trainTasks: 3 } as const;
const source = openLinear(config, 1);
const inputs = 10;

/** The weights of least squares: the normal equations `(X^T X) w = X^T y` by Gauss and Jordan. */
function fit({ x, y }: Examples): number[] {
  const rows = Array.from(y, (target, n) => ({ x: x.subarray(n * inputs, (n + 1) * inputs), target }));
  const system = Array.from({ length: inputs }, (_, i) => [
    ...Array.from({ length: inputs }, (_, j) => rows.reduce((sum, row) => sum + row.x[i]! * row.x[j]!, 0)),
    rows.reduce((sum, row) => sum + row.x[i]! * row.target, 0),
  ]);
  for (let pivot = 0; pivot < inputs; pivot++) {
    const scale = system[pivot]![pivot]!;
    system[pivot] = system[pivot]!.map((value) => value / scale);
    for (let i = 0; i < inputs; i++) {
      const factor = system[i]![pivot]!;
      if (i !== pivot) system[i] = system[i]!.map((value, j) => value - factor * system[pivot]![j]!);
    }
  }
  return system.map((row) => row[inputs]!);
}

function deviation(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

describe("an episode of linear regression", () => {
  test("has one weight vector in support and query, and noise of deviation 0.1", () => {
    for (let index = 0; index < 20; index++) {
      const { support, query } = source.episode("test", index);
      const weights = fit(support);
      const residuals = Array.from(
        query.y,
        (y, n) => y - weights.reduce((sum, w, i) => sum + w * query.x[n * inputs + i]!, 0),
      );
      // Noise 0.1 in the query and a fitted weight off by 0.1 / sqrt(200) each: 0.1025 in all; the
      // deviation of 200 values is known to 0.1 / sqrt(400) = 0.005.
      expect(Math.abs(deviation(residuals) - 0.1025)).toBeLessThan(4 * 0.005);
    }
  });

  test("is of one of the training tasks, the same at every seed", () => {
    const near = (a: readonly number[], b: readonly number[]) =>
      deviation(a.map((value, i) => value - b[i]!)) < 0.05;
    const known: number[][] = [];
    for (let index = 0; index < 40; index++) {
      for (const at of [source, openLinear(config, 2)]) {
        const weights = fit(at.episode("train", index).support);
        if (!known.some((other) => near(other, weights))) known.push(weights);
      }
    }
    expect(known).toHaveLength(3);
  });

  test("is a task of its own in the test split, 0.5 from the shared weights", () => {
    const tasks = Array.from({ length: 100 }, (_, index) => fit(source.episode("test", index).support));
    const shared = tasks[0]!.map((_, i) => tasks.reduce((sum, task) => sum + task[i]! / 100, 0));
    const spreads = tasks.flatMap((task) => task.map((value, i) => value - shared[i]!));
    // 1,000 normal values: the deviation is known to 0.5 / sqrt(2000) = 0.011.
    expect(Math.abs(deviation(spreads) - 0.5)).toBeLessThan(4 * 0.011);
  });
});

// Recorded once. All arithmetic is exact or correctly rounded, so every machine has these bytes.
test("the episodes of a seed have the same bytes on every machine", () => {
  const hash = createHash("sha256");
  for (const split of ["train", "test"] as const) {
    const { support, query } = source.episode(split, 7);
    for (const array of [support.x, support.y, query.x, query.y]) hash.update(array);
  }
  expect(hash.digest("hex")).toBe("4c7871559b236f804433288df3fd3b8b6ec7f32e53346cf31b030d249a07a2db");
});
