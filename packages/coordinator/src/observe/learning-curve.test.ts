import { expect, test } from "vitest";
import { CURVE_POINTS_MAX } from "../limits.ts";
import { LearningCurve } from "./learning-curve.ts";

test("every step is a point while there are few", () => {
  const curve = new LearningCurve();
  curve.add(1, 2, 0.25);
  curve.add(2, 1, null);
  expect(curve.points).toEqual([
    { step: 1, loss: 2, accuracy: 0.25 },
    { step: 2, loss: 1, accuracy: null },
  ]);
});

test("a long run keeps a bounded number of points, each the mean of its steps", () => {
  const curve = new LearningCurve();
  const steps = 10 * CURVE_POINTS_MAX;
  for (let step = 1; step <= steps; step++) curve.add(step, step, 1 / 2);
  const { points } = curve;
  expect(points.length).toBeLessThanOrEqual(CURVE_POINTS_MAX);
  expect(points.length).toBeGreaterThan(CURVE_POINTS_MAX / 2 - 1);
  // The loss of step s is s: the mean over the steps a + 1 ... b is (a + b + 1) / 2.
  let before = 0;
  for (const { step, loss, accuracy } of points) {
    expect(loss).toBe((before + step + 1) / 2);
    expect(accuracy).toBe(1 / 2);
    before = step;
  }
  expect(before).toBe(steps);
});
