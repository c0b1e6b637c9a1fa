import type { Handwriting } from "./handwriting.ts";

/**
 * Draws handwriting into `pixels`, uint8 `[side, side]`: 255 is ink, 0 is paper.
 *
 * A pixel's ink is its distance to the pen's edge, clipped to one pixel: pen / 2 + 1 / 2 - d, where d
 * is the distance of the pixel's centre to the nearest line. Square roots, additions and products
 * only, so the same bytes everywhere. About 10 us per glyph.
 */
export function rasterize(handwriting: Handwriting, side: number, pixels: Uint8Array): void {
  const reach = handwriting.penPx / 2 + 0.5;
  const nearest = new Float64Array(side * side).fill(reach * reach);
  for (const line of handwriting.lines) {
    for (let i = 0; i + 3 < line.length; i += 2) {
      keepNearest(nearest, side, reach, line[i]!, line[i + 1]!, line[i + 2]!, line[i + 3]!);
    }
  }
  for (let i = 0; i < nearest.length; i++) {
    pixels[i] = Math.round(255 * Math.min(1, reach - Math.sqrt(nearest[i]!)));
  }
}

/** Lowers each pixel's squared distance to that of the segment from (x0, y0) to (x1, y1). */
function keepNearest(
  nearest: Float64Array,
  side: number,
  reach: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  const left = Math.max(0, Math.floor(Math.min(x0, x1) - reach));
  const right = Math.min(side - 1, Math.floor(Math.max(x0, x1) + reach));
  const top = Math.max(0, Math.floor(Math.min(y0, y1) - reach));
  const bottom = Math.min(side - 1, Math.floor(Math.max(y0, y1) + reach));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const squaredLength = dx * dx + dy * dy;
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const px = column + 0.5 - x0;
      const py = row + 0.5 - y0;
      // The foot of the perpendicular, as a share of the segment, kept on the segment.
      const along = squaredLength > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength)) : 0;
      const ex = px - along * dx;
      const ey = py - along * dy;
      const squared = ex * ex + ey * ey;
      const i = row * side + column;
      if (squared < nearest[i]!) nearest[i] = squared;
    }
  }
}
