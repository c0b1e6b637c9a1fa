import { createImageStore, type ImageStore } from "../images/image-store.ts";
import { bitmapBytes } from "./decode-image.ts";
import { omniglotExamples, omniglotSidePx } from "./parts.ts";
import type { OmniglotImages } from "./read-omniglot.ts";

/** Side of the images that models see. */
const side = 28;

/** `binary` or `grey`, see `shrinkBinary` and `shrinkGrey`. */
export type OmniglotPixels = "binary" | "grey";

/** Raised when any pixel changes. */
export function omniglotRecipe(pixels: OmniglotPixels): string {
  return `omniglot-${pixels}/1`;
}

/** Shrinks all images to 28 x 28. */
export function shrinkOmniglot(images: OmniglotImages, pixels: OmniglotPixels, origin: string): ImageStore {
  const imageBytes = side * side;
  const count = images.classNames.length * omniglotExamples;
  const shrunk = new Uint8Array(count * imageBytes);
  const shrink = pixels === "binary" ? shrinkBinary : shrinkGrey;
  for (let i = 0; i < count; i++) {
    const bitmap = images.bitmaps.subarray(i * bitmapBytes, (i + 1) * bitmapBytes);
    shrink(bitmap, shrunk.subarray(i * imageBytes, (i + 1) * imageBytes));
  }
  return createImageStore({
    recipe: omniglotRecipe(pixels),
    origin,
    height: side,
    width: side,
    examplesPerClass: omniglotExamples,
    classNames: images.classNames,
    pixels: shrunk,
  });
}

/**
 * Nearest neighbour, as PIL resizes 1-bit images and so as the MAML authors did.
 *
 * PIL takes output pixel i from source pixel floor((i + 1 / 2) * 105 / 28); 105 / 28 = 3.75 is exact.
 */
export function shrinkBinary(bitmap: Uint8Array, target: Uint8Array): void {
  for (let row = 0; row < side; row++) {
    const sourceRow = nearest[row]! * omniglotSidePx;
    for (let column = 0; column < side; column++) {
      target[row * side + column] = 255 * bit(bitmap, sourceRow + nearest[column]!);
    }
  }
}

const nearest = Array.from({ length: side }, (_, i) => Math.floor((i + 0.5) * (omniglotSidePx / side)));

/**
 * Area average: the share of ink in the 3.75 x 3.75 source pixels that an output pixel covers.
 *
 * Counted exactly in quarters: output pixel i covers the quarters 15 i ... 15 i + 14, and source pixel
 * j is the quarters 4 j ... 4 j + 3. The share of 15 * 15 quarters is rounded to the nearest of 0 ... 255.
 */
export function shrinkGrey(bitmap: Uint8Array, target: Uint8Array): void {
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      let quarters = 0;
      for (const { pixel: y, overlap: height } of covered[row]!) {
        for (const { pixel: x, overlap: width } of covered[column]!) {
          quarters += height * width * bit(bitmap, y * omniglotSidePx + x);
        }
      }
      target[row * side + column] = Math.round((255 * quarters) / 225);
    }
  }
}

/** Per output pixel: the source pixels that it covers along one axis, and how many quarters of each. */
const covered = Array.from({ length: side }, (_, i) => {
  const pixels: { pixel: number; overlap: number }[] = [];
  for (let quarter = 15 * i; quarter < 15 * (i + 1); quarter++) {
    const pixel = Math.floor(quarter / 4);
    const last = pixels.at(-1);
    if (last?.pixel === pixel) last.overlap++;
    else pixels.push({ pixel, overlap: 1 });
  }
  return pixels;
});

function bit(bitmap: Uint8Array, index: number): number {
  return (bitmap[index >> 3]! >> (7 - (index & 7))) & 1;
}
