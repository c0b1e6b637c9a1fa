import { type FileHandle, open, stat } from "node:fs/promises";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { numpyHeaderBytes, parseNumpyHeader } from "../formats/numpy-file.ts";
import { isFile } from "../formats/picture-files.ts";
import { createImageStore, type ImageStore } from "../images/image-store.ts";
import { numbersOf } from "../pickle/numpy-array.ts";
import { omniglotCharacters, omniglotExamples } from "./parts.ts";
import { type OmniglotPixels, omniglotRecipe } from "./shrink.ts";

const side = 28;
const characterPixels = omniglotExamples * side * side;
const name = "omniglot.npy";

/** `omniglot.npy` in a directory, or in its `omniglot/`; null if there is none. */
export async function findNumpyOmniglot(directory: string): Promise<string | null> {
  for (const below of ["", "omniglot"]) {
    const path = join(directory, below, name);
    if (await isFile(path)) return path;
  }
  return null;
}

export async function numpyOrigin(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return `npy:${size}-${mtimeMs}`;
}

/**
 * Omniglot as one array, numbers `[1623, 20, 1, 28, 28]` from 0 to 1, which its maker has shrunk already.
 *
 * Paper is what most pixels are; ink = 1 after that. `binary` cuts at one half. The array has no names, so its
 * split is not that of the archives, and that is reported. One character is in memory at a time.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT if it is no such array
 */
export async function readNumpyOmniglot(
  path: string,
  pixels: OmniglotPixels,
  onEvent: OnDatasetEvent,
): Promise<ImageStore> {
  onEvent({
    type: "deviation",
    dataset: "omniglot",
    detail: `${path}: it has neither the characters' names nor the published pixels`,
  });
  const file = await open(path, "r");
  try {
    const ink = await readInk(file, path);
    const target = pixels === "grey" ? ink : ink.map((value) => (value >= 128 ? 255 : 0));
    return createImageStore({
      recipe: omniglotRecipe(pixels),
      origin: await numpyOrigin(path),
      height: side,
      width: side,
      examplesPerClass: omniglotExamples,
      classNames: Array.from(
        { length: omniglotCharacters },
        (_, c) => `character${String(c).padStart(4, "0")}`,
      ),
      pixels: target,
    });
  } finally {
    await file.close();
  }
}

/** uint8 `[1623, 20, 28, 28]`, ink = 255. */
async function readInk(file: FileHandle, path: string): Promise<Uint8Array> {
  const header = Buffer.alloc(numpyHeaderBytes);
  const { bytesRead } = await file.read(header, 0, header.length, 0);
  const { shape, type, dataStart } = headerOf(path, header.subarray(0, bytesRead));
  const expected = [omniglotCharacters, omniglotExamples, side, side];
  if (shape.filter((length) => length !== 1).join() !== expected.join()) {
    throw corrupt(path, `expected an array [1623, 20, 1, 28, 28], got [${shape.join(", ")}]`);
  }
  const values = new Uint8Array(omniglotCharacters * characterPixels);
  const bytes = Buffer.alloc(characterPixels * type.size);
  let sum = 0;
  for (let c = 0; c < omniglotCharacters; c++) {
    const read = await file.read(bytes, 0, bytes.length, dataStart + c * bytes.length);
    if (read.bytesRead < bytes.length)
      throw corrupt(path, `it ends in character ${c} of ${omniglotCharacters}`);
    for (const [i, value] of numbersOf(type, bytes).entries()) {
      if (!(value >= 0 && value <= 1)) throw corrupt(path, `expected numbers from 0 to 1, got ${value}`);
      sum += value;
      values[c * characterPixels + i] = Math.round(255 * value);
    }
  }
  const isPaperOne = sum > values.length / 2;
  return isPaperOne ? values.map((value) => 255 - value) : values;
}

function headerOf(path: string, bytes: Buffer) {
  try {
    return parseNumpyHeader(bytes);
  } catch (error) {
    throw corrupt(path, (error as Error).message);
  }
}

function corrupt(path: string, what: string): ShoalError {
  return new ShoalError("E_DATASET_CORRUPT", `${path}: ${what}; get the file again`);
}
