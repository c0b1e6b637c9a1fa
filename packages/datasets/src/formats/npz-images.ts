import type { Readable } from "node:stream";
import type { Split } from "@shoal/core";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import type { Format } from "../collection.ts";
import { type ArrayPart, corrupt, cutPictures, imageShape } from "./array-parts.ts";
import { type NumpyHeader, numpyHeaderBytes, parseNumpyHeader } from "./numpy-file.ts";
import { detectParts, readLabels, shown } from "./pickles.ts";

type FileName = (split: string) => readonly string[];

/** An `.npz` with `images` per split, stored or compressed, and a pickle of labels (tieredImageNet). */
export function npzImages(fileName: FileName, labelName: FileName): Format {
  return {
    name: "npz arrays",
    expects: `${shown(fileName)} with ${shown(labelName)}`,
    detect: (directory) =>
      detectParts(directory, "npz arrays (images)", fileName, (path, split) =>
        openNpz(directory, path, split, labelName),
      ),
  };
}

async function openNpz(
  directory: string,
  path: string,
  split: Split,
  labelName: FileName,
): Promise<ArrayPart> {
  const array = await openEntry(path);
  try {
    const { header } = array;
    const shape = imageShape(path, header.shape, header.type.kind === "u" && header.type.size === 1);
    const size = shape[0] * shape[1] * shape[2];
    const labels = await readLabels(directory, split, labelName, header.shape[0]!);
    return {
      split,
      path,
      ...labels,
      files: [path, ...labels.files],
      read: async (first, count) =>
        cutPictures(path, await array.read(first * size, count * size), first, shape),
      close: array.close,
    };
  } catch (error) {
    await array.close();
    throw error;
  }
}

interface EntryArray {
  readonly header: NumpyHeader;
  /** Bytes of the data. Cheap where they follow those of the call before. */
  read(first: number, count: number): Promise<Buffer>;
  close(): Promise<void>;
}

async function openEntry(path: string): Promise<EntryArray> {
  const { zip, entry } = await findEntry(path);
  const stream = new EntryStream(zip, entry);
  try {
    const header = parseNumpyHeader(await stream.read(0, Math.min(numpyHeaderBytes, entry.uncompressedSize)));
    return {
      header,
      read: (first, count) => stream.read(header.dataStart + first, count),
      async close() {
        stream.close();
        zip.close();
      },
    };
  } catch (error) {
    stream.close();
    zip.close();
    throw corrupt(path, `expected an array in images.npy, but ${(error as Error).message}`, error);
  }
}

async function findEntry(path: string): Promise<{ zip: ZipFile; entry: Entry }> {
  let zip: ZipFile;
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  } catch (error) {
    throw corrupt(path, `expected an npz (zip) archive, but ${(error as Error).message}`, error);
  }
  const names: string[] = [];
  for await (const entry of zip.eachEntry()) {
    if (entry.fileName === "images.npy") return { zip, entry };
    names.push(entry.fileName);
  }
  zip.close();
  throw corrupt(path, `expected an array called images, got ${names.join(", ") || "none"}`);
}

/** Bytes of an entry by position: forwards they are taken from one stream, backwards it begins again. */
class EntryStream {
  readonly #zip: ZipFile;
  readonly #entry: Entry;
  #stream: Readable | null = null;
  #chunks: AsyncIterator<Buffer> | null = null;
  #rest: Buffer = Buffer.alloc(0);
  /** Position of the first byte of `rest`. */
  #position = 0;

  constructor(zip: ZipFile, entry: Entry) {
    this.#zip = zip;
    this.#entry = entry;
  }

  async read(first: number, count: number): Promise<Buffer> {
    if (this.#chunks === null || first < this.#position) await this.#restart();
    const target = Buffer.alloc(count);
    let done = 0;
    while (done < count) {
      const skip = first + done - this.#position;
      if (skip < this.#rest.length) {
        const taken = this.#rest.copy(target, done, skip);
        done += taken;
        // What was read may be asked for again (the header's bytes), so it is kept until the next chunk.
        continue;
      }
      const { value, done: isOver } = await this.#chunks!.next();
      if (isOver === true) throw new Error(`it ends after ${this.#position + this.#rest.length} bytes`);
      this.#position += this.#rest.length;
      this.#rest = value as Buffer;
    }
    return target;
  }

  close(): void {
    this.#stream?.destroy();
    this.#chunks = null;
  }

  async #restart(): Promise<void> {
    this.close();
    this.#stream = await this.#zip.openReadStreamPromise(this.#entry);
    this.#chunks = this.#stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    this.#rest = Buffer.alloc(0);
    this.#position = 0;
  }
}
