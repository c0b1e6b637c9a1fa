import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { File, ready } from "h5wasm/node";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import type { DatasetEvent } from "../dataset-event.ts";
import { type SmallFile, smallArchive, smallImages, smallPart } from "../testing/small-omniglot.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { firstNumbers } from "./numbers.ts";
import { openArchive } from "./open-archive.ts";
import { openHdf5Part } from "./open-hdf5.ts";
import { readOmniglot } from "./read-omniglot.ts";

/** The small part under the published numbers: Greek begins with 394, Latin with 683. */
let files: SmallFile[];
beforeAll(async () => {
  files = (await smallImages()).map((file) => {
    const [alphabet, character, name] = file.path.split("/") as [string, string, string];
    const number = firstNumbers[alphabet]! + Number(character.slice(-2)) - 1;
    return { ...file, path: `${alphabet}/${character}/${String(number).padStart(4, "0")}${name.slice(4)}` };
  });
});

/** torchmeta's layout; `pixelOf` says the byte of a pixel that is ink or not. */
async function writeHdf5(
  ordered: readonly SmallFile[],
  pixelOf = (isInk: boolean): number => (isInk ? 255 : 0),
) {
  await ready;
  const path = join(await temporaryDirectory(onTestFinished), "data.hdf5");
  const file = new File(path, "w");
  const background = file.create_group("images_background");
  for (const alphabet of ["Greek", "Latin"]) {
    const group = background.create_group(alphabet);
    for (const character of ["character01", "character02"]) {
      const images = ordered.filter((image) => image.path.startsWith(`${alphabet}/${character}/`));
      if (images.length === 0) continue;
      const data = new Uint8Array(images.length * 105 * 105);
      for (const [i, { ink }] of images.entries()) {
        for (let k = 0; k < 105 * 105; k++) data[i * 105 * 105 + k] = pixelOf(k < ink);
      }
      group.create_dataset({ name: character, data, shape: [images.length, 105, 105], dtype: "<B" });
    }
  }
  file.close();
  return path;
}

async function read(path: string) {
  const events: DatasetEvent[] = [];
  const part = await openHdf5Part(smallPart(files), path);
  const images = await readOmniglot([part], (event) => events.push(event));
  return { images, deviations: events.filter(({ type }) => type === "deviation") };
}

test("torchmeta's HDF5 gives the same images as the archive, and its content is checked", async () => {
  const archive = join(await temporaryDirectory(onTestFinished), "images_background.zip");
  await writeFile(archive, smallArchive(files));
  const expected = await readOmniglot([await openArchive(smallPart(files), archive)], () => {});
  const { images, deviations } = await read(await writeHdf5(files));
  expect(images).toEqual(expected);
  expect(deviations).toEqual([]);
});

test("drawers in another order are used, and said", async () => {
  const { deviations } = await read(await writeHdf5(files.toReversed()));
  expect(deviations).toMatchObject([
    { dataset: "omniglot", detail: expect.stringContaining("images_background in ") },
  ]);
});

test("images that are not black and white, or a drawer too few, are refused", async () => {
  await expect(writeHdf5(files, (isInk) => (isInk ? 1 : 0)).then(read)).rejects.toMatchObject({
    code: "E_DATASET_CORRUPT",
    message: expect.stringContaining("expected pixels of 0 or 255, got 1"),
  });
  await expect(writeHdf5(files.slice(1)).then(read)).rejects.toMatchObject({
    code: "E_DATASET_CONTENT",
    message: expect.stringContaining("expected 20 images of Greek/character01, got 19"),
  });
});
