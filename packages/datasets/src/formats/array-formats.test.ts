import { copyFile, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { File, ready } from "h5wasm/node";
import { expect, onTestFinished, test } from "vitest";
import type { Format } from "../collection.ts";
import {
  contentOf,
  expectedContent,
  shortNames,
  smallClasses,
  smallCount,
  smallPixels,
  smallSide,
} from "../testing/small-pictures.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { npzImages } from "./npz-images.ts";
import { cachePickles, labelPickles, pngPickles } from "./pickles.ts";
import { torchmetaHdf5 } from "./torchmeta-hdf5.ts";

/** Written by Python and numpy, see `reference/array_sets.py`. */
const reference = (name: string) => fileURLToPath(new URL(`../../reference/${name}`, import.meta.url));
const splits = ["train", "validation", "test"] as const;

/** A directory with reference files under other names, `*` being the split. */
async function directoryOf(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await temporaryDirectory(onTestFinished);
  for (const [from, to] of Object.entries(files)) {
    for (const split of Object.values(shortNames)) {
      await copyFile(reference(from.replace("*", split)), join(directory, to.replace("*", split)));
    }
  }
  return directory;
}

const cache = cachePickles((split) => [`mini-imagenet-cache-${split}.pkl`]);
const labelled = labelPickles((split) => [`set_${split}.pickle`]);
const tiered = pngPickles(
  (split) => [`${split}_images_png.pkl`],
  (split) => [`${split}_labels.pkl`],
);

/** The small pictures' content with other class names. */
function renamed(nameOf: (split: (typeof splits)[number], name: string, place: number) => string) {
  const content = expectedContent();
  return Object.fromEntries(
    splits.flatMap((split) => smallClasses[split].map((name, c) => [nameOf(split, name, c), content[name]])),
  );
}

test.each([
  ["protocol 4", "cache-*.pkl"],
  ["Python 2", "cache-python2-*.pkl"],
  ["keys of bytes, rows as ranges, protocol 3", "cache-bytes-*.pkl"],
])("cache pickles give every image: %s", async (_, file) => {
  const directory = await directoryOf({ [file]: "mini-imagenet-cache-*.pkl" });
  const collection = await cache.detect(directory);
  expect(collection?.format).toBe("cache pickles (image_data, class_dict)");
  expect(await contentOf(collection)).toEqual(expectedContent());
});

test("label pickles give every image: named classes, bytes that Python 3 wrote as text", async () => {
  const directory = await directoryOf({ "labels-*.pkl": "set_*.pickle" });
  expect(await contentOf(await labelled.detect(directory))).toEqual(expectedContent());
});

test("label pickles give every image: numpy scalars as labels, classes without names, protocol 5", async () => {
  const directory = await directoryOf({ "scalars-*.pkl": "set_*.pickle" });
  const expected = renamed((split, _, c) => `${split}/00${c}`);
  expect(await contentOf(await labelled.detect(directory))).toEqual(expected);
});

test("png pickles give every image, as bytes or arrays, with the classes' numbers and names", async () => {
  const directory = await directoryOf({
    "png-*.pkl": "*_images_png.pkl",
    "png-labels-*.pkl": "*_labels.pkl",
  });
  const expected = renamed((split, name, c) => `${split}/00${c} ${name}`);
  expect(await contentOf(await tiered.detect(directory))).toEqual(expected);
});

test("npz arrays give every image, stored or compressed, also backwards", async () => {
  const directory = await directoryOf({ "png-labels-train.pkl": "*_labels.pkl" });
  for (const split of Object.values(shortNames)) {
    const file = split === "train" ? "stored.npz" : "compressed.npz";
    await copyFile(reference(file), join(directory, `${split}_images.npz`));
  }
  const format = npzImages(
    (split) => [`${split}_images.npz`],
    (split) => [`${split}_labels.pkl`],
  );
  const collection = await format.detect(directory);
  // All three splits hold the training pictures here: 15 images of n03, n01 and n02 each.
  for (const i of [44, 15, 3, 29, 30, 0]) {
    const [picture] = await collection!.read(i, 1);
    const name = smallClasses.train[Math.floor((i % 15) / smallCount)]!;
    expect([...picture!.bytes]).toEqual([...smallPixels(name, i % smallCount)]);
  }
  const across = await collection!.read(13, 4);
  expect(across.map(({ bytes }) => bytes[0])).toEqual(
    [3, 4, 0, 1].map((i) => smallPixels(i > 2 ? "n02" : "n03", i)[0]),
  );
  await collection!.close();
});

/** torchmeta's layout, written by h5wasm. */
async function writeHdf5(directory: string): Promise<void> {
  await ready;
  for (const split of splits) {
    const file = new File(join(directory, `${shortNames[split]}_data.hdf5`), "w");
    const group = file.create_group("datasets");
    for (const name of smallClasses[split]) {
      const data = Buffer.concat(Array.from({ length: smallCount }, (_, i) => smallPixels(name, i)));
      const shape = [smallCount, smallSide, smallSide, 3];
      group.create_dataset({ name, data: Uint8Array.from(data), shape, dtype: "<B" });
    }
    file.close();
    await writeFile(join(directory, `${shortNames[split]}_labels.json`), JSON.stringify(smallClasses[split]));
  }
}

test("HDF5 of torchmeta gives every image, across classes too", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeHdf5(directory);
  const collection = await torchmetaHdf5.detect(directory);
  const across = await collection!.read(3, 4);
  expect(across.map(({ bytes }) => [...bytes])).toEqual(
    [smallPixels("n03", 3), smallPixels("n03", 4), smallPixels("n01", 0), smallPixels("n01", 1)].map(
      (bytes) => [...bytes],
    ),
  );
  expect(await contentOf(collection)).toEqual(expectedContent());
});

test("HDF5 that is cut off, without its list, or with a class too many is refused", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeHdf5(directory);
  const data = join(directory, "val_data.hdf5");
  const list = join(directory, "val_labels.json");
  await writeFile(list, '["n05", "n99"]');
  await expectRefused(torchmetaHdf5, directory, `${data}: expected an array datasets/n99, got n04, n05`);
  await rm(list);
  await expectRefused(
    torchmetaHdf5,
    directory,
    `${list}: expected this list of classes beside its data, got none`,
  );
  await writeFile(list, '["n05"]');
  await truncate(data, 700);
  await expectRefused(
    torchmetaHdf5,
    directory,
    /val_data\.hdf5: expected an HDF5 file, but .*get the file again/,
  );
});

test("a pickle that is cut off, runs code, is too old or holds something else is refused", async () => {
  const directory = await directoryOf({ "labels-*.pkl": "set_*.pickle" });
  const path = join(directory, "set_train.pickle");
  const whole = await readFile(path);
  for (const share of [0, 0.001, 0.01, 0.95]) {
    await writeFile(path, whole.subarray(0, Math.floor(share * whole.length)));
    await expectRefused(labelled, directory, /set_train\.pickle: expected a Python pickle: /);
  }
  await copyFile(reference("foreign.pkl"), path);
  await expectRefused(
    labelled,
    directory,
    `${path}: expected a Python pickle: it refers to builtins.print, which no data set needs; it is not read`,
  );
  await copyFile(reference("protocol0.pkl"), path);
  await expectRefused(labelled, directory, /it is no pickle of protocol 2 or newer; write it again with/);
  await copyFile(reference("cache-train.pkl"), path);
  await expectRefused(
    labelled,
    directory,
    `${path}: expected a dict with data and labels, got one with image_data, class_dict`,
  );
  await rm(path);
  await expectRefused(
    labelled,
    directory,
    `${directory}: expected the file of train (set_{train,val,test}.pickle) beside the other splits, got none`,
  );
});

test("labels that are not one per image are refused, with both numbers", async () => {
  const directory = await directoryOf({
    "png-*.pkl": "*_images_png.pkl",
    "png-labels-*.pkl": "*_labels.pkl",
  });
  await copyFile(reference("png-labels-train.pkl"), join(directory, "val_labels.pkl"));
  await expectRefused(
    tiered,
    directory,
    /val_labels\.pkl: expected a label for each of the 10 images, got 15/,
  );
  await rm(join(directory, "val_labels.pkl"));
  await expectRefused(
    tiered,
    directory,
    /expected the labels of validation \({train,val,test}_labels\.pkl\) beside/,
  );
});

function expectRefused(format: Format, directory: string, message: string | RegExp): Promise<void> {
  return expect(format.detect(directory)).rejects.toMatchObject({
    name: "ShoalError",
    message: typeof message === "string" ? message : expect.stringMatching(message),
  });
}
