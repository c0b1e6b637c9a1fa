import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DatasetConfig } from "@shoal/core";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { bitmapBytes } from "../omniglot/decode-image.ts";
import { shrinkBinary } from "../omniglot/shrink.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { decodeOwnImages } from "./decode-own-images.ts";
import { listQueries, listSupport } from "./read-labelled-images.ts";

const episodes = { ways: 5, shots: 1, queries: 1, evaluationQueries: 1 } as const;
const glyphs: DatasetConfig = { source: "glyphs", ...episodes, rotations: false };
const omniglot: DatasetConfig = {
  source: "omniglot",
  ...episodes,
  rotations: true,
  pixels: "binary",
  trainClasses: 1100,
  validationClasses: 100,
  testClasses: 423,
  splitSeed: 1,
};
const pictures: DatasetConfig = { source: "miniimagenet", ...episodes, imageSide: 8, normalization: "unit" };

/** A drawing of 105 x 105: a diagonal band of ink. */
const isInk = (i: number): boolean => Math.abs((i % 105) - Math.floor(i / 105)) < 9;

async function drawing(ink: number, paper: number): Promise<string> {
  const file = join(await temporaryDirectory(onTestFinished), "drawing.png");
  const bytes = Uint8Array.from({ length: 105 * 105 }, (_, i) => (isInk(i) ? ink : paper));
  await sharp(bytes, { raw: { width: 105, height: 105, channels: 1 } })
    .png()
    .toFile(file);
  return file;
}

function expectedPixels(): number[] {
  const bits = new Uint8Array(bitmapBytes);
  for (let i = 0; i < 105 * 105; i++) if (isInk(i)) bits[i >> 3]! |= 0x80 >> (i & 7);
  const target = new Uint8Array(28 * 28);
  shrinkBinary(bits, target);
  return Array.from(target, (byte) => byte / 255);
}

test("a drawing of Omniglot's size has the pixels that training gives it", async () => {
  const { x, inverted } = await decodeOwnImages([await drawing(0, 255)], omniglot);
  expect([...x]).toEqual(expectedPixels());
  expect(inverted).toEqual([]);
});

test("a drawing that is light on dark is inverted, and that is told", async () => {
  const file = await drawing(255, 0);
  const { x, inverted } = await decodeOwnImages([file], omniglot);
  expect([...x]).toEqual(expectedPixels());
  expect(inverted).toEqual([file]);
});

test("pictures become float32 of byte / 255 at the experiment's side", async () => {
  const file = join(await temporaryDirectory(onTestFinished), "red.jpg");
  const red = { create: { width: 40, height: 20, channels: 3 as const, background: "#ff0000" } };
  await sharp(red).png().toFile(file);
  const { x } = await decodeOwnImages([file], pictures);
  expect([...x]).toEqual(Array.from({ length: 8 * 8 }, () => [1, 0, 0]).flat());
});

test("a file that is no image is named", async () => {
  const file = join(await temporaryDirectory(onTestFinished), "text.png");
  await writeFile(file, "no image");
  await expect(decodeOwnImages([file], glyphs)).rejects.toThrow(`${file}: expected an image, but `);
});

test("what is wrong with the folders is said, with what they should hold", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  await mkdir(join(directory, "a"));
  await expect(listSupport(join(directory, "none"))).rejects.toThrow("a folder per class, found none");
  await expect(listSupport(directory)).rejects.toThrow("at least 2 classes, found 1 folder(s)");
  await mkdir(join(directory, "b"));
  await expect(listSupport(directory)).rejects.toThrow(/a: expected images \(png, jpg, .*\), found none/);
  await writeFile(join(directory, "a", "1.png"), "");
  await writeFile(join(directory, "b", "1.jpg"), "");
  await writeFile(join(directory, "b", "notes.txt"), "");
  const { classes, images } = await listSupport(directory);
  expect(classes).toEqual(["a", "b"]);
  expect(images.labels).toEqual([0, 1]);
  await expect(listQueries(directory, ["a", "c"])).rejects.toThrow(
    "b: expected a class of the support set (a, c), got b; rename the folder",
  );
  expect((await listQueries(join(directory, "a"), classes)).labels).toBeNull();
});
