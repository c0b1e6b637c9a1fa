import sharp from "sharp";
import { expect, test } from "vitest";
import { drawContactSheet } from "./contact-sheet.ts";

// Two labels with one support and one query image of 2 x 2: a grid of 2 x 2 images with gaps of 2, and one
// more before the queries: 12 x 10 pixels, drawn at twice the size.
test("rows are labels, support left of query, ink black", async () => {
  const spec = { x: { shape: [2, 2, 2, 1], dtype: "float32" }, y: { shape: [2], dtype: "int32" } } as const;
  const support = { x: Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0), y: Int32Array.of(0, 1) };
  const query = { x: Float32Array.of(0, 0, 0, 0, 0, 0, 0, 1), y: Int32Array.of(0, 1) };
  const png = await drawContactSheet([{ support, query }], { support: spec, query: spec });
  const { data, info } = await sharp(png).toColourspace("b-w").raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([24, 20]);
  const at = (row: number, column: number) => data[(2 * row * 24 + 2 * column) * info.channels];
  expect(at(2, 2)).toBe(0);
  expect(at(2, 3)).toBe(255);
  expect(at(7, 9)).toBe(0);
  expect(at(6, 8)).toBe(255);
  expect(at(0, 0)).toBe(191);
});
