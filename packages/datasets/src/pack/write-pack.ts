import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { Collection, CollectionClass } from "../collection.ts";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { decodePicture, type PictureSize, pictureRecipe } from "../decode-picture.ts";
import { decodesAtOnce, hashPieceBytes, picturesPerRead, picturesPerSync } from "../limits.ts";
import { compareText } from "../omniglot/image-files.ts";
import { writeFileAtomically } from "../write-file-atomically.ts";
import type { PackFiles } from "./pack-files.ts";
import { createPackIndex, type PackedClass, type PackIndex } from "./pack-index.ts";

export interface WritePackOptions {
  readonly dataset: string;
  readonly files: PackFiles;
  readonly collection: Collection;
  readonly size: PictureSize;
  readonly onEvent: OnDatasetEvent;
  readonly signal?: AbortSignal | undefined;
}

/** Where every image goes. */
interface Layout {
  /** By split, then by name. */
  readonly classes: readonly (CollectionClass & { readonly images: number })[];
  /** Place in the pack of each image of the collection. */
  readonly places: Float64Array;
}

/**
 * Packs a collection. Killed and called again, it goes on where it was.
 *
 * Images are decoded in the collection's order and written at their places. What is done is noted after
 * every `picturesPerSync` images, once they are on disk; at the end every class is read back and hashed,
 * and the index is written. At most `picturesPerRead` images are in memory.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT for an image that cannot be read, E_DISK, E_INTERRUPTED
 */
export async function writePack(options: WritePackOptions): Promise<PackIndex> {
  const { dataset, files, collection, size } = options;
  const layout = layOut(collection);
  try {
    await mkdir(dirname(files.pixels), { recursive: true });
    // From here on there is no finished pack, whatever was there before.
    await rm(files.index, { force: true });
    const done = await readProgress(files, collection.labels.length);
    const pixels = await open(files.pixels, done === 0 ? "w+" : "r+");
    try {
      await copyPictures(options, layout, pixels, done);
      const classes = await hashClasses(options, layout, pixels);
      const index = createPackIndex({
        dataset,
        recipe: pictureRecipe(size),
        origin: collection.origin,
        source: { format: collection.format, path: collection.path },
        ...size,
        classes,
      });
      await writeFileAtomically(files.index, [Buffer.from(`${JSON.stringify(index)}\n`)]);
      await rm(files.progress, { force: true });
      return index;
    } finally {
      await pixels.close();
    }
  } catch (error) {
    throw diskErrorOf(files.pixels, error);
  }
}

function layOut({ classes, labels }: Collection): Layout {
  const counts = new Float64Array(classes.length);
  for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  const order = Array.from(classes.keys()).sort(
    (a, b) =>
      rankOf(classes[a]!.split) - rankOf(classes[b]!.split) ||
      compareText(classes[a]!.name, classes[b]!.name),
  );
  const next = new Float64Array(classes.length);
  let start = 0;
  for (const c of order) {
    next[c] = start;
    start += counts[c]!;
  }
  const places = Float64Array.from(labels, (label) => next[label]!++);
  return { classes: order.map((c) => ({ ...classes[c]!, images: counts[c]! })), places };
}

function rankOf(split: Split | null): number {
  return split === null ? 3 : ["train", "validation", "test"].indexOf(split);
}

/** How many images of an earlier, unfinished packing are on disk. */
async function readProgress({ progress, pixels }: PackFiles, images: number): Promise<number> {
  const text = await readFile(progress, "utf8").catch(() => "0");
  const done = Number(text);
  if (!Number.isSafeInteger(done) || done < 0 || done > images) return 0;
  const isThere = await open(pixels, "r+").then(
    (file) => file.close().then(() => true),
    () => false,
  );
  return isThere ? done : 0;
}

async function copyPictures(
  { dataset, files, collection, size, onEvent, signal }: WritePackOptions,
  { places }: Layout,
  pixels: FileHandle,
  alreadyDone: number,
): Promise<void> {
  const total = places.length;
  const imageBytes = size.height * size.width * size.channels;
  let synced = alreadyDone;
  const sync = async (done: number) => {
    await pixels.datasync();
    await writeFileAtomically(files.progress, [Buffer.from(String(done))]);
    synced = done;
  };
  if (alreadyDone > 0) onEvent({ type: "pack-resumed", path: files.pixels, done: alreadyDone, total });
  for (let first = alreadyDone; first < total; first += picturesPerRead) {
    if (signal?.aborted === true) {
      await sync(first);
      throw interrupted(dataset, first, total);
    }
    const pictures = await collection.read(first, Math.min(picturesPerRead, total - first));
    await inTurn(pictures.length, async (i) => {
      const bytes = await decodePicture(pictures[i]!, size);
      await pixels.write(bytes, 0, imageBytes, places[first + i]! * imageBytes);
    });
    const done = first + pictures.length;
    onEvent({ type: "progress", stage: "pack", what: dataset, done, total, unit: "images" });
    if (done - synced >= picturesPerSync || done === total) await sync(done);
  }
}

/** Runs `work` for 0 ... count - 1, `decodesAtOnce` at a time; the first failure stops the rest. */
async function inTurn(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < count) {
      try {
        await work(next++);
      } catch (error) {
        next = count;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: decodesAtOnce }, run));
}

/** Hashes each class as it lies on disk. */
async function hashClasses(
  { dataset, size, onEvent, signal }: WritePackOptions,
  { classes, places }: Layout,
  pixels: FileHandle,
): Promise<PackedClass[]> {
  const imageBytes = size.height * size.width * size.channels;
  const total = places.length * imageBytes;
  const piece = new Uint8Array(hashPieceBytes);
  const hashed: PackedClass[] = [];
  let at = 0;
  for (const { name, split, images } of classes) {
    if (signal?.aborted === true) throw interrupted(dataset, places.length, places.length);
    const hash = createHash("sha256");
    const end = at + images * imageBytes;
    while (at < end) {
      const { bytesRead } = await pixels.read(piece, 0, Math.min(piece.length, end - at), at);
      if (bytesRead === 0) throw new Error(`the file ends at byte ${at}`);
      hash.update(piece.subarray(0, bytesRead));
      at += bytesRead;
    }
    hashed.push({ name, split, images, sha256: hash.digest("hex") });
    onEvent({ type: "progress", stage: "hash", what: dataset, done: at, total, unit: "bytes" });
  }
  return hashed;
}

function interrupted(dataset: string, done: number, total: number): ShoalError {
  return new ShoalError(
    "E_INTERRUPTED",
    `${dataset}: packing stopped after ${done} of ${total} images; run the command again to go on from there`,
  );
}

/** The file system's refusal as a user's error; all else as it is. */
function diskErrorOf(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const codes = ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO", "EFBIG", "EISDIR", "ENOTDIR", "EPERM"];
  if (code === undefined || !codes.includes(code)) return error;
  return new ShoalError(
    "E_DISK",
    `${path}: the packed store cannot be written: ${(error as Error).message}; ` +
      "make room, or name another directory with --cache-dir; packing goes on where it was",
    { cause: error },
  );
}
