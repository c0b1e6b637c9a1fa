import fc from "fast-check";
import { expect, test } from "vitest";
import { drawMinibatches } from "./minibatches.ts";

test("no example comes a second time before all have come", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 1, max: 12 }),
      fc.nat(),
      (examples, size, count, seed) => {
        const drawn = drawMinibatches(examples, { size, count }, seed);
        expect(drawn).toHaveLength(size * count);
        for (let first = 0; first + examples <= drawn.length; first += examples) {
          const pass = drawn.slice(first, first + examples);
          expect(pass.toSorted((a, b) => a - b)).toEqual(Array.from({ length: examples }, (_, i) => i));
        }
      },
    ),
  );
});

test("the order is a function of the coordinates, and differs from step to step", () => {
  const at = (version: number) => drawMinibatches(50, { size: 10, count: 5 }, 1, version);
  expect(at(3)).toEqual(at(3));
  expect(at(4)).not.toEqual(at(3));
});
