import type { ImageStore } from "./image-store.ts";

/** Images by class, wherever they are kept: in memory or in a file. */
export interface ClassImages {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Identifies names, sizes and pixels: SHA-256 (hex). */
  readonly contentHash: string;
  /** How many images a class has. */
  imageCount(classIndex: number): number;
  /**
   * uint8 `[height, width, channels]` of one image, row-major. Read it before the next call.
   *
   * @throws {ShoalError} E_DATASET_CORRUPT if the file's bytes are not those that were packed
   */
  image(classIndex: number, example: number): Uint8Array;
}

/** A store that is in memory. */
export function imagesInMemory(store: ImageStore): ClassImages {
  const { height, width, contentHash, examplesPerClass, pixels } = store;
  const size = height * width;
  return {
    height,
    width,
    channels: 1,
    contentHash,
    imageCount: () => examplesPerClass,
    image(classIndex, example) {
      const start = (classIndex * examplesPerClass + example) * size;
      return pixels.subarray(start, start + size);
    },
  };
}
