import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Collection, Format } from "../collection.ts";
import { decodePicture } from "../decode-picture.ts";
import {
  shortNames,
  smallBytes,
  smallClasses,
  smallFiles,
  smallPixels,
  smallSide,
  writeFiles,
} from "../testing/small-pictures.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { plainFolders, splitFolders } from "./class-folders.ts";
import { csvLists } from "./csv-lists.ts";

const directoryWith = async (files: Parameters<typeof writeFiles>[1]) => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFiles(directory, files);
  return directory;
};

/** Pixels of every image by class, in the collection's order, and the split of each class. */
async function contentOf(collection: Collection | null) {
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
function expectedContent(hasSplits = true) {
  const content: Record<string, { split: string | null; images: number[][] }> = {};
  for (const split of ["train", "validation", "test"] as const) {
    for (const name of smallClasses[split]) {
      const images = Array.from({ length: 5 }, (_, i) => [...smallPixels(name, i)]);
      content[name] = { split: hasSplits ? split : null, images };
    }
  }
  expect(content.n01!.images[0]).toHaveLength(smallBytes);
  return content;
}

const folders = () => smallFiles((split, name, i) => `${shortNames[split]}/${name}/${name}_${i}.png`);
const images = () => smallFiles((_, name, i) => `images/${name}_${i}.png`);

/** `{train,val,test}.csv` with the columns in this order. */
function lists(header: string, row: (name: string, file: string) => string): Record<string, string> {
  return Object.fromEntries(
    (["train", "validation", "test"] as const).map((split) => [
      `${shortNames[split]}.csv`,
      `${header}\n${smallClasses[split]
        .flatMap((name) => Array.from({ length: 5 }, (_, i) => row(name, `${name}_${i}.png`)))
        .join("\n")}\n`,
    ]),
  );
}

const expectRefused = (format: Format, directory: string, message: string) =>
  expect(format.detect(directory)).rejects.toMatchObject({ code: "E_DATASET_CONTENT", message });

test("class folders by split give every image, also where validation has another name", async () => {
  const directory = await directoryWith(await folders());
  expect(await contentOf(await splitFolders.detect(directory))).toEqual(expectedContent());
  const other = await directoryWith(await smallFiles((split, name, i) => `${split}/${name}/deeper/${i}.png`));
  expect(await contentOf(await splitFolders.detect(other))).toEqual(expectedContent());
});

test("class folders without splits leave the split open", async () => {
  const directory = await directoryWith(await smallFiles((_, name, i) => `${name}/${i}.png`));
  expect(await splitFolders.detect(directory)).toBeNull();
  expect(await contentOf(await plainFolders.detect(directory))).toEqual(expectedContent(false));
});

test("a split that is missing, or a class without images, is named", async () => {
  const directory = await directoryWith(await folders());
  await rm(join(directory, "val/n04"), { recursive: true });
  await writeFiles(directory, { "val/n04/readme.txt": "none" });
  await expectRefused(
    splitFolders,
    directory,
    `${join(directory, "val/n04")}: expected images (jpg, png, gif, webp, tiff), got none; put them there, or take the folder away`,
  );
  await rm(join(directory, "val"), { recursive: true });
  await expectRefused(
    splitFolders,
    directory,
    `${directory}: expected val/ (or validation/, valid/) with a folder of images per class beside the other splits, got none`,
  );
});

test.each([
  ["Ravi and Larochelle's", "filename,label", (name: string, file: string) => `${file},${name}`],
  ["Vinyals'", "filename,class", (name: string, file: string) => `${file},${name}`],
  ["easyfsl's", "class_name,image_name", (name: string, file: string) => `${name},${file}`],
])("%s csv lists give every image", async (_, header, row) => {
  const directory = await directoryWith({ ...(await images()), ...lists(header, row) });
  const collection = await csvLists.detect(directory);
  expect(collection?.format).toBe(`csv lists (${header}) with images`);
  expect(await contentOf(collection)).toEqual(expectedContent());
});

test("csv lists find images in class folders too, and take blank and CRLF lines and a byte order mark", async () => {
  const files = await smallFiles((_, name, i) => `${name}/${name}_${i}.png`);
  const written = Object.entries(lists("filename,label", (name, file) => `${file},${name}`)).map(
    ([path, text]) => [path, `\u{feff}${text.replaceAll("\n", "\r\n")}\r\n\r\n`],
  );
  const directory = await directoryWith({ ...files, ...Object.fromEntries(written) });
  expect(await contentOf(await csvLists.detect(directory))).toEqual(expectedContent());
});

test("a csv list says which image is missing, which list, and which columns", async () => {
  const files = { ...(await images()), ...lists("filename,label", (name, file) => `${file},${name}`) };
  const directory = await directoryWith(files);
  await rm(join(directory, "images/n04_1.png"));
  await rm(join(directory, "images/n04_3.png"));
  // Line 1 is the header; n05 comes first with 5 images, so n04_1 is in line 8.
  await expectRefused(
    csvLists,
    directory,
    `${join(directory, "val.csv")}: line 8 names n04_1.png of class n04, which is neither in ` +
      `${join(directory, "images")} nor beside the list; 1 more of its 10 images are missing; put the images there`,
  );
  await writeFiles(directory, { "val.csv": "picture,kind\na.png,b\n" });
  await expectRefused(
    csvLists,
    directory,
    `${join(directory, "val.csv")}: expected the header filename,label or filename,class or image_name,class_name, got picture,kind`,
  );
  await rm(join(directory, "val.csv"));
  await expectRefused(
    csvLists,
    directory,
    `${directory}: expected val.csv beside the other lists, got none (nor validation.csv or valid.csv)`,
  );
});

test("an origin changes with a name or a list, and not with the directory", async () => {
  const csv = lists("filename,label", (name, file) => `${file},${name}`);
  const files = { ...(await images()), ...csv };
  const originOf = async (changed: typeof files) =>
    (await csvLists.detect(await directoryWith(changed)))?.origin;
  const origin = await originOf(files);
  expect(await originOf(files)).toBe(origin);
  expect(await originOf({ ...files, "test.csv": `${csv["test.csv"]!}\n` })).not.toBe(origin);
});
