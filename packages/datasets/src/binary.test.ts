import { createHash } from "node:crypto";
import type { Examples } from "@shoal/core";
import { describe, expect, test } from "vitest";
import { openBinary } from "./binary.ts";

const config = { source: "binary", shots: 50, queries: 50, evaluationQueries: 50, trainTasks: 3 } as const;
const source = openBinary(config, 1);

/** The vector from the mean of class 0 to the mean of class 1. */
function between({ x, y }: Examples): { angle: number; length: number } {
  const perClass = y.length / 2;
  let [across, up] = [0, 0];
  y.forEach((label, row) => {
    const sign = label === 1 ? 1 : -1;
    across += (sign * x[2 * row]!) / perClass;
    up += (sign * x[2 * row + 1]!) / perClass;
  });
  return { angle: Math.atan2(up, across), length: Math.hypot(across, up) };
}

function apart(a: number, b: number): number {
  const difference = Math.abs(a - b) % (2 * Math.PI);
  return Math.min(difference, 2 * Math.PI - difference);
}

describe("an episode of half-moons", () => {
  test("has as many examples of class 0 as of class 1, and the same angle in support and query", () => {
    for (let index = 0; index < 100; index++) {
      const { support, query } = source.episode("test", index);
      expect(Array.from(support.y)).toEqual(Array.from({ length: 100 }, (_, row) => (row < 50 ? 0 : 1)));
      // cos t and sin t over half a circle have means 0 and 2 / pi: the classes' means are (-0.5, 0.387) and
      // (0.5, -0.387), 1.264 apart. A mean of 50 points deviates by sqrt(0.5 + 0.15^2) / sqrt(50) = 0.10 at
      // most, the difference of two by 0.145, four times which is 0.58; the angle by asin(0.58 / 1.264).
      const [one, other] = [between(support), between(query)];
      expect(Math.abs(one.length - 1.264)).toBeLessThan(0.58);
      expect(apart(one.angle, other.angle)).toBeLessThan(2 * Math.asin(0.58 / 1.264));
    }
  });

  test("lies within noise of two half circles", () => {
    const { support } = source.episode("train", 0);
    for (let row = 0; row < support.y.length; row++) {
      // The circles of radius 1 around (-+0.5, -+0.25) reach to 1.56 from the origin; noise of 0.15 adds 4 * 0.22.
      expect(Math.hypot(support.x[2 * row]!, support.x[2 * row + 1]!)).toBeLessThan(1.56 + 0.85);
    }
  });

  test("is of one of the training angles, the same at every seed", () => {
    const many = { ...config, shots: 5000 };
    const known: number[] = [];
    for (let index = 0; index < 20; index++) {
      for (const seed of [1, 2]) {
        const { angle } = between(openBinary(many, seed).episode("train", index).support);
        // With 5,000 points a mean deviates by 0.01: the angle by less than 0.05.
        if (!known.some((other) => apart(other, angle) < 0.1)) known.push(angle);
      }
    }
    expect(known).toHaveLength(3);
  });

  test("has any angle in the test split", () => {
    const quarters = new Set(
      Array.from({ length: 100 }, (_, index) =>
        Math.floor((between(source.episode("test", index).support).angle / Math.PI + 1) * 2),
      ),
    );
    expect(quarters).toEqual(new Set([0, 1, 2, 3]));
  });
});

// Recorded once. All arithmetic is exact or correctly rounded, so every machine has these bytes.
test("the episodes of a seed have the same bytes on every machine", () => {
  const hash = createHash("sha256");
  for (const split of ["train", "test"] as const) {
    const { support, query } = source.episode(split, 7);
    for (const array of [support.x, support.y, query.x, query.y]) hash.update(array);
  }
  expect(hash.digest("hex")).toBe("e30a417508df7245de5fd3a756517ca4208fa66a6c787edd04ed24b2736be141");
});
