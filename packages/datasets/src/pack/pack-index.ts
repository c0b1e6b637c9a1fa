import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Split } from "@shoal/core";
import { packIndexBytesMax } from "../limits.ts";

/**
 * A packed store of a large image set: `NAME.pixels`, uint8 `[images, height, width, channels]` class by class,
 * and `NAME.json`, its index. The index is written last: where it is, the pixels are whole.
 */
const packFormat = "shoal-pack/1";

export interface PackedClass {
  readonly name: string;
  /** As the user's files say; null: decided when the pack is opened. */
  readonly split: Split | null;
  readonly images: number;
  /** SHA-256 (hex) of the class's bytes. */
  readonly sha256: string;
}

export interface PackIndex {
  readonly format: typeof packFormat;
  readonly dataset: string;
  /** What made the pixels, see `pictureRecipe`. */
  readonly recipe: string;
  /** Identifies the files that were read, see `Collection.origin`. */
  readonly origin: string;
  /** Where the images came from, for people. */
  readonly source: { readonly format: string; readonly path: string };
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** In the order of the pixels: by split, then by name. */
  readonly classes: readonly PackedClass[];
  /** SHA-256 (hex) of sizes, names, splits and the classes' hashes. */
  readonly contentHash: string;
}

export type PackReading =
  | { readonly type: "read"; readonly index: PackIndex }
  | { readonly type: "missing" }
  | { readonly type: "rejected"; readonly reason: string };

/** An index with its format and content hash. */
export function createPackIndex(parts: Omit<PackIndex, "format" | "contentHash">): PackIndex {
  return { format: packFormat, ...parts, contentHash: hashContent(parts) };
}

export async function readPackIndex(path: string): Promise<PackReading> {
  let text: string;
  try {
    const bytes = await readFile(path);
    if (bytes.length > packIndexBytesMax) return rejected(`is longer than ${packIndexBytesMax} bytes`);
    text = bytes.toString("utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { type: "missing" };
    return rejected(`cannot be read: ${(error as Error).message}`);
  }
  let index: unknown;
  try {
    index = JSON.parse(text);
  } catch {
    return rejected("is not JSON");
  }
  if (!isPackIndex(index)) return rejected(`is no index of ${packFormat}`);
  return hashContent(index) === index.contentHash
    ? { type: "read", index }
    : rejected("does not have the content hash that it names");
}

/** Bytes of the pixel file. */
export function packBytes({ height, width, channels, classes }: PackIndex): number {
  return classes.reduce((sum, { images }) => sum + images, 0) * height * width * channels;
}

function hashContent(parts: Pick<PackIndex, "height" | "width" | "channels" | "classes">): string {
  const { height, width, channels } = parts;
  const classes = parts.classes.map(({ name, split, images, sha256 }) => ({ name, split, images, sha256 }));
  return createHash("sha256").update(JSON.stringify({ height, width, channels, classes })).digest("hex");
}

function rejected(reason: string): PackReading {
  return { type: "rejected", reason };
}

function isPackIndex(value: unknown): value is PackIndex {
  if (!isObject(value) || value.format !== packFormat || !isObject(value.source)) return false;
  const texts = [
    value.dataset,
    value.recipe,
    value.origin,
    value.contentHash,
    value.source.format,
    value.source.path,
  ];
  return (
    texts.every((text) => typeof text === "string") &&
    [value.height, value.width, value.channels].every(isCount) &&
    Array.isArray(value.classes) &&
    value.classes.every(isPackedClass)
  );
}

function isPackedClass(value: unknown): value is PackedClass {
  return (
    isObject(value) &&
    typeof value.name === "string" &&
    [null, "train", "validation", "test"].some((split) => split === value.split) &&
    isCount(value.images) &&
    typeof value.sha256 === "string"
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
