import type { Split } from "@shoal/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { drawShape, drawSource, type MixtureRecipe } from "./draw-mixture.ts";

const split = fc.constantFrom<Split>("train", "validation", "test");
const recipe: fc.Arbitrary<MixtureRecipe> = fc.record({
  seed: fc.nat(),
  weights: fc.array(fc.double({ min: 0.01, max: 100, noNaN: true }), { minLength: 1, maxLength: 5 }),
  shapeCount: fc.integer({ min: 1, max: 16 }),
  tasksPerLeaf: fc.integer({ min: 1, max: 8 }),
});

test("the source and the shape are functions of the recipe, the split and the index, and exist", () => {
  fc.assert(
    fc.property(recipe, split, fc.nat(), (of, at, index) => {
      const [source, shape] = [drawSource(of, at, index), drawShape(of, at, index)];
      expect(drawSource(structuredClone(of), at, index)).toBe(source);
      expect(drawShape(structuredClone(of), at, index)).toBe(shape);
      expect(of.weights[source]).toBeGreaterThan(0);
      expect(shape).toBeLessThan(of.shapeCount);
    }),
  );
});

test("all episodes of a leaf have its shape", () => {
  fc.assert(
    fc.property(recipe, split, fc.nat({ max: 1e6 }), (of, at, leaf) => {
      const first = leaf * of.tasksPerLeaf;
      const shapes = Array.from({ length: of.tasksPerLeaf }, (_, i) => drawShape(of, at, first + i));
      expect(new Set(shapes).size).toBe(1);
    }),
  );
});

test("sources are drawn in proportion to their weights, and shapes equally", () => {
  const of: MixtureRecipe = { seed: 3, weights: [3, 1], shapeCount: 4, tasksPerLeaf: 1 };
  const count = 4000;
  const indices = Array.from({ length: count }, (_, index) => index);
  const first = indices.filter((index) => drawSource(of, "train", index) === 0).length;
  // Four standard deviations of a binomial share: 4 sqrt(p (1 - p) / n) is 0.0274 at both 3/4 and 1/4.
  expect(Math.abs(first / count - 3 / 4)).toBeLessThan(0.0274);
  for (let shape = 0; shape < 4; shape++) {
    const drawn = indices.filter((index) => drawShape(of, "test", index) === shape).length;
    expect(Math.abs(drawn / count - 1 / 4)).toBeLessThan(0.0274);
  }
});
