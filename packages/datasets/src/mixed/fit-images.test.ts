import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitImages } from "./fit-images.ts";

const grey = { channels: 1, normalization: "unit" } as const;
const colour = { channels: 3, normalization: "unit" } as const;

test("images of the common size and channels stay what they are", () => {
  const x = Float32Array.from({ length: 2 * 9 * 3 }, (_, i) => i / 54);
  expect(fitImages([3, 3, 3], { side: 3, ...colour })(x)).toEqual(x);
});

test("an image that grows is interpolated between its pixels' middles", () => {
  // Twice as wide, outputs lie at -1/4, 1/4, 3/4 and 5/4 of the inputs 0 and 1; beyond the edge there is the edge.
  const row = [0, 0.25, 0.75, 1];
  const fitted = fitImages([2, 2, 1], { side: 4, ...grey })(Float32Array.of(0, 1, 0, 1));
  expect([...fitted]).toEqual([...row, ...row, ...row, ...row]);
});

test("an image that shrinks is averaged", () => {
  // From 4 to 2 pixels, the middle of the first output is 1/2 of the inputs, and the triangle reaches 2 each way:
  // weights 3/4, 3/4, 1/4 of inputs 0, 1, 2 over their sum 7/4.
  const row = [0, 0, 1, 1];
  const fitted = fitImages([4, 4, 1], { side: 2, ...grey })(
    Float32Array.from([...row, ...row, ...row, ...row]),
  );
  for (const [i, expected] of [1 / 7, 6 / 7, 1 / 7, 6 / 7].entries())
    expect(fitted[i]).toBeCloseTo(expected, 6);
});

describe("channels", () => {
  test("grey is repeated for each colour", () => {
    expect([...fitImages([1, 1, 1], { side: 1, ...colour })(Float32Array.of(0.5, 0.25))]).toEqual([
      0.5, 0.5, 0.5, 0.25, 0.25, 0.25,
    ]);
  });

  test("colours become their luma", () => {
    const fitted = fitImages([1, 1, 3], { side: 1, ...grey })(Float32Array.of(1, 0.5, 0.25));
    expect(fitted[0]).toBeCloseTo(0.299 + 0.587 / 2 + 0.114 / 4, 6);
  });
});

test("with ImageNet's normalization the mean of each colour is 0, and a deviation above it 1", () => {
  const fit = fitImages([1, 1, 3], { side: 1, channels: 3, normalization: "imagenet" });
  for (const value of fit(Float32Array.of(0.485, 0.456, 0.406))) expect(value).toBeCloseTo(0, 6);
  for (const value of fit(Float32Array.of(0.714, 0.68, 0.631))) expect(value).toBeCloseTo(1, 6);
});

test("values stay within those of the image", () => {
  const sides = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(
      sides,
      sides,
      fc.infiniteStream(fc.float({ min: 0, max: 1, noNaN: true })),
      (from, side, values) => {
        const x = Float32Array.from({ length: from * from }, () => values.next().value);
        const fitted = fitImages([from, from, 1], { side, ...grey })(x);
        expect(fitted).toHaveLength(side * side);
        // Weights add up to 1 but for rounding.
        expect(Math.min(...fitted)).toBeGreaterThanOrEqual(Math.min(...x) - 1e-6);
        expect(Math.max(...fitted)).toBeLessThanOrEqual(Math.max(...x) + 1e-6);
      },
    ),
  );
});
