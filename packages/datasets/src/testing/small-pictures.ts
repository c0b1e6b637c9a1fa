import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Split } from "@shoal/core";
import sharp from "sharp";
import type { Collection } from "../collection.ts";
import { decodePicture } from "../decode-picture.ts";

/** Side of the small pictures, in pixels. */
export const smallSide = 12;
export const smallBytes = smallSide * smallSide * 3;

/** Classes of each split, and images of each class. */
export const smallClasses: Readonly<Record<Split, readonly string[]>> = {
  train: ["n03", "n01", "n02"],
  validation: ["n05", "n04"],
  test: ["n06", "n07"],
};
export const smallCount = 5;

/** Splits as most sets call them on disk. */
export const shortNames: Readonly<Record<Split, string>> = {
  train: "train",
  validation: "val",
  test: "test",
};

/** uint8 `[12, 12, 3]` that differs from picture to picture: class, number and place are in every pixel. */
export function smallPixels(className: string, i: number): Uint8Array {
  const c = Number(className.slice(1));
  return Uint8Array.from({ length: smallBytes }, (_, k) => (37 * c + 11 * i + 3 * k) % 256);
}

/** The picture as a PNG, which loses nothing. */
export function smallPng(className: string, i: number): Promise<Buffer> {
  return sharp(smallPixels(className, i), { raw: { width: smallSide, height: smallSide, channels: 3 } })
    .png()
    .toBuffer();
}

/** What every format's pack must hold: by split, then by class name, then by number. */
export function smallPack(): { readonly classNames: readonly string[]; readonly pixels: Buffer } {
  const classNames = (["train", "validation", "test"] as const).flatMap((split) =>
    smallClasses[split].toSorted(),
  );
  const images = classNames.flatMap((name) =>
    Array.from({ length: smallCount }, (_, i) => smallPixels(name, i)),
  );
  return { classNames, pixels: Buffer.concat(images) };
}

/** Writes files, by path below `directory`. */
export async function writeFiles(
  directory: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), bytes);
  }
}

/** Every picture as a PNG, where `place` says. */
export async function smallFiles(
  place: (split: Split, className: string, i: number) => string,
): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const split of ["train", "validation", "test"] as const) {
    for (const name of smallClasses[split]) {
      for (let i = 0; i < smallCount; i++) files[place(split, name, i)] = await smallPng(name, i);
    }
  }
  return files;
}

/** Pixels of every image by class, in the collection's order, and the split of each class. */
export async function contentOf(collection: Collection | null) {
  if (collection === null) throw new Error("nothing was detected");
  const size = { height: smallSide, width: smallSide, channels: 3 } as const;
  const content: Record<string, { split: string | null; images: number[][] }> = {};
  for (let i = 0; i < collection.labels.length; i++) {
    const { name, split } = collection.classes[collection.labels[i]!]!;
    const [picture] = await collection.read(i, 1);
    const bytes = await decodePicture(picture!, size);
    content[name] ??= { split, images: [] };
    content[name].images.push([...bytes]);
  }
  await collection.close();
  return content;
}

/** What every format must give for the small pictures. */
export function expectedContent(hasSplits = true) {
  const content: Record<string, { split: string | null; images: number[][] }> = {};
  for (const split of ["train", "validation", "test"] as const) {
    for (const name of smallClasses[split]) {
      const images = Array.from({ length: smallCount }, (_, i) => [...smallPixels(name, i)]);
      content[name] = { split: hasSplits ? split : null, images };
    }
  }
  return content;
}
