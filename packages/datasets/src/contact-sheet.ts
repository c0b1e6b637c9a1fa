import type { Episode, EpisodeSpec, Examples } from "@shoal/core";
import sharp from "sharp";
import { denormalize, type Normalization } from "./images/normalization.ts";

/** Pixels between two images, and between two episodes. */
const gapPx = 2;
const episodeGapPx = 10;
const gapShade = 0.75;
/** Images smaller than this, in pixels, are drawn at twice their size. */
const smallSidePx = 64;

/**
 * Draws episodes of images as a PNG, one below the other: one row per label, its support examples to the
 * left of its queries, with a wider gap between the two.
 *
 * Grey images are drawn as on the published ones, ink black on white; colours as they are.
 *
 * @param normalization how the episodes' numbers came from bytes
 */
export function drawContactSheet(
  episodes: readonly Episode[],
  spec: EpisodeSpec,
  normalization: Normalization = "unit",
): Promise<Buffer> {
  const [, height, width, channels] = spec.support.x.shape as [number, number, number, number];
  const size = height * width * channels;
  const rowsOf = (episode: Episode) =>
    Array.from({ length: Math.max(...episode.support.y) + 1 }, (_, label) => ({
      support: imagesOf(episode.support, label, size),
      query: imagesOf(episode.query, label, size),
    }));
  const sheets = episodes.map(rowsOf);
  const rows = sheets.flat();
  const supports = Math.max(...rows.map(({ support }) => support.length));
  const columns = supports + Math.max(...rows.map(({ query }) => query.length));
  const sheetWidth = columns * (width + gapPx) + 2 * gapPx;
  const sheetHeight = rows.length * (height + gapPx) + gapPx + (sheets.length - 1) * episodeGapPx;
  const sheet = Buffer.alloc(sheetWidth * sheetHeight * channels, Math.round(255 * gapShade));
  const draw = (image: Float32Array, top: number, left: number) => {
    for (let k = 0; k < image.length; k++) {
      const channel = k % channels;
      const pixel = (k - channel) / channels;
      const value = denormalize(image[k]!, normalization, channel, channels);
      const at = (top + Math.floor(pixel / width)) * sheetWidth + left + (pixel % width);
      sheet[at * channels + channel] = Math.round(255 * (channels === 1 ? 1 - value : value));
    }
  };
  let top = gapPx;
  for (const episodeRows of sheets) {
    for (const { support, query } of episodeRows) {
      for (const [i, image] of support.entries()) draw(image, top, gapPx + i * (width + gapPx));
      for (const [i, image] of query.entries())
        draw(image, top, 2 * gapPx + (supports + i) * (width + gapPx));
      top += height + gapPx;
    }
    top += episodeGapPx;
  }
  const scale = Math.min(height, width) < smallSidePx ? 2 : 1;
  return sharp(sheet, { raw: { width: sheetWidth, height: sheetHeight, channels: channels as 1 | 3 } })
    .resize({ width: sheetWidth * scale, kernel: "nearest" })
    .png()
    .toBuffer();
}

function imagesOf({ x, y }: Examples, label: number, size: number): Float32Array[] {
  return Array.from(y.keys())
    .filter((row) => y[row] === label)
    .map((row) => x.subarray(row * size, (row + 1) * size));
}
