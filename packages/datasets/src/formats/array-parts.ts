import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import type { Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { Collection, CollectionClass, Picture } from "../collection.ts";

/** The images of one split, in one file. */
export interface ArrayPart {
  readonly split: Split;
  /** The file of the images, for messages. */
  readonly path: string;
  /** All files that decide the part: their sizes and times make its origin. */
  readonly files: readonly string[];
  readonly classNames: readonly string[];
  /** Index in `classNames` of each image. */
  readonly labels: readonly number[];
  read(first: number, count: number): Promise<readonly Picture[]>;
  close(): Promise<void>;
}

/** Splits that are a file each, as one collection. */
export async function collectionOfParts(
  format: string,
  path: string,
  parts: readonly ArrayPart[],
): Promise<Collection> {
  const classes: CollectionClass[] = [];
  const labels: number[] = [];
  const origin = createHash("sha256").update(format);
  const starts: number[] = [];
  for (const part of parts) {
    starts.push(labels.length);
    const firstClass = classes.length;
    for (const name of part.classNames) classes.push({ name, split: part.split });
    for (const label of part.labels) labels.push(firstClass + label);
    for (const file of part.files) {
      const { size, mtimeMs } = await stat(file);
      origin.update(`${part.split} ${size} ${mtimeMs}\n`);
    }
  }
  return {
    format,
    path,
    origin: origin.digest("hex"),
    classes,
    labels,
    async read(first, count) {
      const pictures: Picture[] = [];
      while (pictures.length < count) {
        const at = first + pictures.length;
        const p = starts.findLastIndex((start) => start <= at);
        const part = parts[p]!;
        const inPart = at - starts[p]!;
        const wanted = Math.min(count - pictures.length, part.labels.length - inPart);
        pictures.push(...(await readPart(part, inPart, wanted)));
      }
      return pictures;
    },
    async close() {
      for (const part of parts) await part.close();
    },
  };
}

async function readPart(part: ArrayPart, first: number, count: number): Promise<readonly Picture[]> {
  try {
    return await part.read(first, count);
  } catch (error) {
    throw corrupt(
      part.path,
      `expected images ${first} to ${first + count - 1}, but ${(error as Error).message}`,
      error,
    );
  }
}

/**
 * Classes of a list of label numbers: each number that occurs, in order, named by `nameOf`.
 *
 * @throws {ShoalError} E_DATASET_CONTENT if there is not one label per image
 */
export function classesOfLabels(
  path: string,
  labels: readonly number[],
  images: number,
  nameOf: (label: number) => string,
): { readonly classNames: readonly string[]; readonly labels: readonly number[] } {
  if (labels.length !== images) {
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${path}: expected a label for each of the ${images} images, got ${labels.length}; get the file again`,
    );
  }
  const numbers = [...new Set(labels)].sort((a, b) => a - b);
  const indices = new Map(numbers.map((number, i) => [number, i]));
  return { classNames: numbers.map(nameOf), labels: labels.map((label) => indices.get(label)!) };
}

/** `train/007`: the name of a class of which only a number is known. */
export function numberedClass(split: Split, label: number): string {
  return `${split}/${String(label).padStart(3, "0")}`;
}

/** Consecutive images of an array, uint8 `[images, height, width, channels]`. */
export function cutPictures(
  path: string,
  bytes: Uint8Array,
  first: number,
  [height, width, channels]: readonly [number, number, number],
): Picture[] {
  const size = height * width * channels;
  return Array.from({ length: bytes.length / size }, (_, i) => ({
    type: "pixels",
    where: `${path}: image ${first + i}`,
    height,
    width,
    channels,
    bytes: bytes.subarray(i * size, (i + 1) * size),
  }));
}

/**
 * Height, width and channels of an array of images.
 *
 * @throws {ShoalError} E_DATASET_CONTENT if it is none
 */
export function imageShape(
  path: string,
  shape: readonly number[],
  isBytes: boolean,
): readonly [number, number, number] {
  const [, height, width, channels = 1] = shape;
  const fits = (shape.length === 4 || shape.length === 3) && [1, 3, 4].includes(channels);
  if (isBytes && fits && height! > 0 && width! > 0) return [height!, width!, channels];
  const type = isBytes ? "uint8" : "another type";
  throw new ShoalError(
    "E_DATASET_CONTENT",
    `${path}: expected images as uint8 [images, height, width, channels], got ${type} of shape [${shape.join(", ")}]`,
  );
}

export function corrupt(path: string, what: string, cause?: unknown): ShoalError {
  return new ShoalError("E_DATASET_CORRUPT", `${path}: ${what}; get the file again`, { cause });
}
