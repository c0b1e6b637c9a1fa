import type { Episode, EpisodeSpec, Examples } from "@shoal/core";
import sharp from "sharp";

/** Pixels between two images, and the scale at which images are drawn. */
const gapPx = 2;
const scale = 2;
const gapInk = 0.25;

/**
 * Draws an episode of images as a PNG: one row per label, its support examples to the left of its queries.
 *
 * Ink is drawn black on white, as on the published images.
 */
export function drawContactSheet(episode: Episode, spec: EpisodeSpec): Promise<Buffer> {
  const [, height, width] = spec.support.x.shape as [number, number, number, number];
  const labels = Math.max(...episode.support.y) + 1;
  const rows = Array.from({ length: labels }, (_, label) => [
    ...imagesOf(episode.support, label, height * width),
    ...imagesOf(episode.query, label, height * width),
  ]);
  return drawImages(rows, height, width);
}

function imagesOf({ x, y }: Examples, label: number, size: number): Float32Array[] {
  return Array.from(y.keys())
    .filter((row) => y[row] === label)
    .map((row) => x.subarray(row * size, (row + 1) * size));
}

/** Draws images, float32 `[height, width]` in [0, 1], in a grid. */
function drawImages(
  rows: readonly (readonly Float32Array[])[],
  height: number,
  width: number,
): Promise<Buffer> {
  const columns = Math.max(...rows.map((row) => row.length));
  const sheetWidth = columns * (width + gapPx) + gapPx;
  const sheetHeight = rows.length * (height + gapPx) + gapPx;
  const sheet = Buffer.alloc(sheetWidth * sheetHeight, Math.round(255 * (1 - gapInk)));
  rows.forEach((images, i) => {
    images.forEach((image, j) => {
      const left = gapPx + j * (width + gapPx);
      const top = gapPx + i * (height + gapPx);
      for (let k = 0; k < image.length; k++) {
        const at = (top + Math.floor(k / width)) * sheetWidth + left + (k % width);
        sheet[at] = Math.round(255 * (1 - image[k]!));
      }
    });
  });
  return sharp(sheet, { raw: { width: sheetWidth, height: sheetHeight, channels: 1 } })
    .resize({ width: sheetWidth * scale, kernel: "nearest" })
    .png()
    .toBuffer();
}
