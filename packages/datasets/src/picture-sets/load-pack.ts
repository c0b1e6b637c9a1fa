import { mkdir } from "node:fs/promises";
import { isShoalError, ShoalError } from "@shoal/core/outer";
import type { Collection } from "../collection.ts";
import { type MakeOptions, namedDirectory } from "../data-set.ts";
import { pictureRecipe } from "../decode-picture.ts";
import { defaultCacheDir } from "../default-cache-dir.ts";
import { PackedImages } from "../pack/open-pack.ts";
import { findPacks, type PackFiles, packFiles } from "../pack/pack-files.ts";
import { packBytes, readPackIndex } from "../pack/pack-index.ts";
import { withLock } from "../pack/pack-lock.ts";
import { verifyPack } from "../pack/verify-pack.ts";
import { writePack } from "../pack/write-pack.ts";
import { deviationsOf, type Published } from "./deviations.ts";
import { findCollection, howToName, type Search } from "./find-collection.ts";

/** What is packed. */
export interface PackedSet extends Search {
  readonly channels: 1 | 3;
  readonly published: Published | null;
  readonly publishedAsWhole?: { readonly classes: number; readonly images: number };
}

export interface LoadPackOptions extends Omit<MakeOptions, "cacheDir"> {
  readonly cacheDir: string | null;
  /** Hash every class of a pack that is there, and pack anew if it is damaged. Default: as classes are used. */
  readonly isVerified?: boolean;
}

/**
 * The packed images of a set at `side` x `side` pixels.
 *
 * Where a directory is named, its files are looked at, and packed unless that was done. Else the pack
 * that is in the cache is taken.
 *
 * @throws {ShoalError} E_DATASET_MISSING, E_DATASET_CONTENT, E_DATASET_CORRUPT, E_DISK, E_INTERRUPTED
 */
export async function loadPack(
  set: PackedSet,
  side: number,
  options: LoadPackOptions,
): Promise<PackedImages> {
  // Too large for any heap: without a directory of the caller's, the usual one.
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const directory = namedDirectory(options.dataDir, set.variable);
  if (directory === null) return openFromCache(set, side, cacheDir, options);
  const collection = await findCollection(set, directory);
  try {
    return await packCollection(set, side, cacheDir, collection, options);
  } finally {
    await collection.close();
  }
}

async function packCollection(
  set: PackedSet,
  side: number,
  cacheDir: string,
  collection: Collection,
  options: LoadPackOptions,
): Promise<PackedImages> {
  const { onEvent, signal } = options;
  const { format, path, classes, labels } = collection;
  onEvent({
    type: "detected",
    dataset: set.name,
    format,
    path,
    classes: classes.length,
    images: labels.length,
  });
  for (const detail of deviationsOf(collection, set)) {
    onEvent({ type: "deviation", dataset: set.name, detail });
  }
  const size = { height: side, width: side, channels: set.channels };
  const files = packFiles(cacheDir, set.name, side, collection.origin);
  const recipe = pictureRecipe(size);
  const ready = await openPack(set.name, files, recipe, options);
  if (ready !== null) return ready;
  await onDisk(files.lock, mkdir(cacheDir, { recursive: true }));
  const onWait = (holder: string) => onEvent({ type: "pack-waiting", path: files.pixels, holder });
  return withLock(files.lock, onWait, signal, async () => {
    // Another process may have packed it meanwhile.
    const packed = await openPack(set.name, files, recipe, options);
    if (packed !== null) return packed;
    const index = await writePack({ dataset: set.name, files, collection, size, onEvent, signal });
    onEvent({ type: "cache-written", path: files.pixels, bytes: packBytes(index) });
    return new PackedImages(files, index);
  });
}

/** A finished pack; null if there is none that can be used. */
async function openPack(
  dataset: string,
  files: PackFiles,
  recipe: string,
  { onEvent, signal, isVerified = false }: LoadPackOptions,
): Promise<PackedImages | null> {
  const reading = await readPackIndex(files.index);
  if (reading.type === "missing") return null;
  let reason: string;
  if (reading.type === "rejected") reason = reading.reason;
  else if (reading.index.recipe !== recipe) reason = `it was made by ${reading.index.recipe}, not ${recipe}`;
  else {
    try {
      const images = new PackedImages(files, reading.index);
      if (isVerified) await verifyPack(dataset, images, onEvent, signal);
      onEvent({ type: "cache-used", path: files.pixels });
      return images;
    } catch (error) {
      if (!isShoalError(error) || error.code !== "E_DATASET_CORRUPT") throw error;
      reason = error.message;
    }
  }
  onEvent({ type: "cache-rejected", path: files.index, reason });
  return null;
}

/** The one pack of this size in the cache, whose files may be gone. */
async function openFromCache(
  set: PackedSet,
  side: number,
  cacheDir: string,
  options: LoadPackOptions,
): Promise<PackedImages> {
  const found = await findPacks(cacheDir, set.name, side);
  if (found.length > 1) {
    const packs = await Promise.all(
      found.map(async ({ index }) => {
        const reading = await readPackIndex(index);
        return `  ${index}${reading.type === "read" ? `, from ${reading.index.source.path}` : ""}`;
      }),
    );
    throw new ShoalError(
      "E_DATASET_MISSING",
      `${set.name}: expected one packed store of ${side}x${side} pixels, got ${found.length}:\n${packs.join("\n")}\n` +
        `${howToName(set)}, or remove all but one`,
    );
  }
  const [files] = found;
  const recipe = pictureRecipe({ height: side, width: side, channels: set.channels });
  const images = files === undefined ? null : await openPack(set.name, files, recipe, options);
  if (images !== null) return images;
  const download = options.download ? "it cannot be downloaded; " : "";
  throw new ShoalError(
    "E_DATASET_MISSING",
    `${set.name}: no directory was named, and nothing of ${side}x${side} pixels is packed in ${cacheDir}; ` +
      `${download}${howToName(set)}`,
  );
}

async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new ShoalError(
      "E_DISK",
      `${path}: cannot be written: ${(error as Error).message}; name another directory with --cache-dir`,
      { cause: error },
    );
  }
}
