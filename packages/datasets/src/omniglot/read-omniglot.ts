import { createHash } from "node:crypto";
import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { decodesAtOnce, imagesPerProgressEvent } from "../limits.ts";
import { bitmapBytes, decodeImage } from "./decode-image.ts";
import { compareText, type ImageFile, type PartOnDisk } from "./image-files.ts";
import { omniglotExamples } from "./parts.ts";

/** Every image of Omniglot, as published. */
export interface OmniglotImages {
  /** `Alphabet/characterNN` of both parts, sorted by code unit. */
  readonly classNames: readonly string[];
  /** Bits `[classes, 20, bitmapBytes]`, see `decodeImage`. */
  readonly bitmaps: Uint8Array;
}

/**
 * Decodes all images and checks names and pixels against the published ones.
 *
 * About 10 s on two cores, nearly all of it in the PNG decoder.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT, E_DATASET_CONTENT
 */
export async function readOmniglot(
  parts: readonly PartOnDisk[],
  onEvent: OnDatasetEvent,
): Promise<OmniglotImages> {
  const listed = await Promise.all(parts.map(async (part) => ({ part, files: await part.list() })));
  const onImage = countImages(
    listed.reduce((sum, { files }) => sum + files.length, 0),
    onEvent,
  );
  const classes: { name: string; bitmaps: Uint8Array }[] = [];
  const classBytes = omniglotExamples * bitmapBytes;
  for (const { part, files } of listed) {
    const bitmaps = await decodeFiles(part.path, files, onImage);
    checkContent(part, files, bitmaps, onEvent);
    for (let i = 0; i < files.length; i += omniglotExamples) {
      const start = i * bitmapBytes;
      classes.push({ name: files[i]!.className, bitmaps: bitmaps.subarray(start, start + classBytes) });
    }
  }
  classes.sort((a, b) => compareText(a.name, b.name));
  return {
    classNames: classes.map(({ name }) => name),
    bitmaps: Buffer.concat(classes.map(({ bitmaps }) => bitmaps)),
  };
}

/** Counts decoded images; says so now and then, and at the last. */
function countImages(total: number, onEvent: OnDatasetEvent): () => void {
  let done = 0;
  return () => {
    done++;
    if (done % imagesPerProgressEvent !== 0 && done !== total) return;
    onEvent({ type: "progress", stage: "read", what: "omniglot", done, total, unit: "images" });
  };
}

async function decodeFiles(
  path: string,
  files: readonly ImageFile[],
  onImage: () => void,
): Promise<Uint8Array> {
  const bitmaps = new Uint8Array(files.length * bitmapBytes);
  let next = 0;
  const decodeInTurn = async () => {
    while (next < files.length) {
      const i = next++;
      try {
        bitmaps.set(await bitsOf(path, files[i]!), i * bitmapBytes);
        onImage();
      } catch (error) {
        // The others stop at their next image.
        next = files.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: decodesAtOnce }, decodeInTurn));
  return bitmaps;
}

async function bitsOf(path: string, file: ImageFile): Promise<Uint8Array> {
  if ("readBits" in file) return file.readBits();
  return decodeImage(`${path}: ${file.className}/${file.fileName}`, await file.read());
}

function checkContent(
  { part, path, isOrderKnown = true }: PartOnDisk,
  files: readonly ImageFile[],
  bitmaps: Uint8Array,
  onEvent: OnDatasetEvent,
): void {
  const hash = hashImages(files, bitmaps);
  if (hash === part.contentHash) return;
  if (!isOrderKnown) {
    const detail = `${part.name} in ${path}: drawers in another order, or other pixels (hash ${hash.slice(0, 12)})`;
    onEvent({ type: "deviation", dataset: "omniglot", detail });
    return;
  }
  throw new ShoalError(
    "E_DATASET_CONTENT",
    `${path}: expected the names and pixels of Omniglot's ${part.name} (hash ${part.contentHash.slice(0, 12)}), ` +
      `got others (${hash.slice(0, 12)}); results would not compare with anyone's, get the data again`,
  );
}

/** SHA-256 (hex) over `Alphabet/characterNN/file` and bits of each image in sorted order. */
function hashImages(files: readonly ImageFile[], bitmaps: Uint8Array): string {
  const hash = createHash("sha256");
  files.forEach(({ className, fileName }, i) => {
    hash.update(`${className}/${fileName}\n`);
    hash.update(bitmaps.subarray(i * bitmapBytes, (i + 1) * bitmapBytes));
  });
  return hash.digest("hex");
}
