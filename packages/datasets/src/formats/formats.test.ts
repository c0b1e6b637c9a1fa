import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Format } from "../collection.ts";
import {
  contentOf,
  expectedContent,
  shortNames,
  smallClasses,
  smallFiles,
  writeFiles,
} from "../testing/small-pictures.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { plainFolders, splitFolders } from "./class-folders.ts";
import { classLists } from "./class-lists.ts";
import { csvLists } from "./csv-lists.ts";
import { jsonLists } from "./json-lists.ts";

const directoryWith = async (files: Parameters<typeof writeFiles>[1]) => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFiles(directory, files);
  return directory;
};

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

test("class folders with lists give the listed classes' images", async () => {
  const files = await smallFiles((_, name, i) => `data/${name}/${i}.png`);
  const texts = (["train", "validation", "test"] as const).map((split) => [
    `splits/bertinetto/${shortNames[split]}.txt`,
    `${smallClasses[split].join("\n")}\n`,
  ]);
  const directory = await directoryWith({ ...files, ...Object.fromEntries(texts) });
  const format = classLists("splits/bertinetto");
  expect(await contentOf(await format.detect(directory))).toEqual(expectedContent());
  await rm(join(directory, "data/n06"), { recursive: true });
  await expectRefused(
    format,
    directory,
    `${join(directory, "splits/bertinetto/test.txt")}: names class n06, but ${join(directory, "data/n06")} has no images; get them`,
  );
});

test("json lists find their folders below the directory, whatever was before them", async () => {
  const files = await smallFiles((_, name, i) => `birds/${name}/${i}.png`);
  const texts = (["train", "validation", "test"] as const).map((split) => [
    `${shortNames[split]}.json`,
    JSON.stringify({
      class_names: smallClasses[split],
      class_roots: smallClasses[split].map((name) => `./data/CUB/birds/${name}`),
    }),
  ]);
  const directory = await directoryWith({ ...files, ...Object.fromEntries(texts) });
  expect(await contentOf(await jsonLists.detect(directory))).toEqual(expectedContent());
  await rm(join(directory, "birds/n05"), { recursive: true });
  await expectRefused(
    jsonLists,
    directory,
    `${join(directory, "val.json")}: expected images of class n05 in a folder of ${directory} that ends like ` +
      "./data/CUB/birds/n05, got none",
  );
  await writeFiles(directory, { "val.json": '{"class_names": ["a"]}' });
  await expectRefused(
    jsonLists,
    directory,
    `${join(directory, "val.json")}: expected class_names and class_roots, lists of text of the same length, got something else`,
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
