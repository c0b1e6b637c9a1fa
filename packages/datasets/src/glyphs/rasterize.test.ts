import { expect, test } from "vitest";
import { rasterize } from "./rasterize.ts";

function draw(lines: number[][], penPx: number, side = 8): number[][] {
  const pixels = new Uint8Array(side * side);
  rasterize({ lines: lines.map((line) => Float64Array.from(line)), penPx }, side, pixels);
  return Array.from({ length: side }, (_, row) => [...pixels.subarray(row * side, (row + 1) * side)]);
}

// The pen covers |y - 4| <= 1. Centres are at 3.5 and 4.5 (0.5 inside: full ink) and at 2.5 and 5.5 (0.5
// outside: no ink). Beyond the ends at x = 2 and x = 6 the nearest point is the end: the pixel centre
// (1.5, 3.5) is sqrt(0.5) from it, so its ink is 1.5 - 0.7071 = 0.793.
test("a horizontal line of 2 px covers the two rows beside it, with round ends", () => {
  const image = draw([[2, 4, 6, 4]], 2);
  expect(image[3]!.slice(2, 6)).toEqual([255, 255, 255, 255]);
  expect(image[4]!.slice(2, 6)).toEqual([255, 255, 255, 255]);
  expect(image[2]!.slice(2, 6)).toEqual([0, 0, 0, 0]);
  expect(image[5]!.slice(2, 6)).toEqual([0, 0, 0, 0]);
  expect(image[3]![1]).toBe(Math.round(255 * (1.5 - Math.SQRT1_2)));
});

// A pen of 1 px along the row of centres y = 3.5: the centres are full, those 1 px away have 1 - 1 = 0.
// Shifted by a quarter: 0.5 + 0.5 - 0.25 = 0.75 and 1 - 0.75 = 0.25.
test("edges are anti-aliased by distance", () => {
  expect(draw([[0, 3.5, 8, 3.5]], 1).map((row) => row[4])).toEqual([0, 0, 0, 255, 0, 0, 0, 0]);
  expect(draw([[0, 3.75, 8, 3.75]], 1).map((row) => row[4])).toEqual([0, 0, 0, 191, 64, 0, 0, 0]);
});

test("crossing lines do not add up, and lines may leave the picture or be a point", () => {
  const cross = draw(
    [
      [0, 4, 8, 4],
      [4, 0, 4, 8],
    ],
    2,
  );
  expect(Math.max(...cross.flat())).toBe(255);
  expect(
    draw([[-50, -50, -20, -20]], 2)
      .flat()
      .every((byte) => byte === 0),
  ).toBe(true);
  expect(draw([[4.5, 4.5, 4.5, 4.5]], 1)[4]![4]).toBe(255);
});
