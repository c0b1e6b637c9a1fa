import { createHash } from "node:crypto";

/**
 * All images of a data set, in memory: uint8 `[classes, examplesPerClass, height, width]`, row-major.
 * A pixel of 255 is full ink, 0 is paper.
 */
export interface ImageStore {
  /** What made the pixels, with a version: `omniglot-binary/1`. */
  readonly recipe: string;
  /** What the pixels were made from: hashes of the archives, or a seed. */
  readonly origin: string;
  readonly height: number;
  readonly width: number;
  readonly examplesPerClass: number;
  /** Sorted by code unit, so that no file system's order shows. */
  readonly classNames: readonly string[];
  readonly pixels: Uint8Array;
  /** SHA-256 (hex) of the sizes, the class names and the pixels. */
  readonly contentHash: string;
}

/** Checks the sizes of a store against each other and hashes its content. */
export function createImageStore(parts: Omit<ImageStore, "contentHash">): ImageStore {
  const expected = parts.classNames.length * parts.examplesPerClass * parts.height * parts.width;
  if (parts.pixels.length !== expected) {
    throw new RangeError(`${parts.recipe}: expected ${expected} pixels, got ${parts.pixels.length}`);
  }
  return { ...parts, contentHash: hashContent(parts) };
}

function hashContent(parts: Omit<ImageStore, "contentHash">): string {
  const { height, width, examplesPerClass, classNames, pixels } = parts;
  return createHash("sha256")
    .update(`${JSON.stringify({ height, width, examplesPerClass, classNames })}\n`)
    .update(pixels)
    .digest("hex");
}
