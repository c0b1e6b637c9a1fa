import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import { parse } from "csv-parse/sync";
import type { CollectionClass, Format } from "../collection.ts";
import { listBytesMax } from "../limits.ts";
import { collectionOfFiles, isFile, listPictures, type PictureFile } from "./picture-files.ts";
import { findSplits, splitNames, splits } from "./splits.ts";

/** Headers in use: Ravi and Larochelle's, Vinyals', easyfsl's. */
const headers = [
  { file: "filename", class: "label" },
  { file: "filename", class: "class" },
  { file: "image_name", class: "class_name" },
] as const;

/** `{train,val,test}.csv` with the class of each image, and the images in `images/` or beside it. */
export const csvLists: Format = {
  name: "csv lists",
  expects:
    "train.csv, val.csv and test.csv (filename,label or filename,class or class_name,image_name) and images/",
  async detect(directory) {
    const found = await findSplits(async (name) => {
      for (const folder of ["", "splits", "split"]) {
        for (const file of [`${name}.csv`, `${name}_images.csv`]) {
          const path = join(directory, folder, file);
          if (await isFile(path)) return path;
        }
      }
      return null;
    });
    if (splits.every((split) => found[split] === null)) return null;
    const lists: List[] = [];
    for (const split of splits) {
      const place = found[split];
      if (place === null) throw missingList(directory, split);
      lists.push(await readList(place.found, place.name, split));
    }
    return openLists(directory, lists);
  },
};

interface Row {
  readonly file: string;
  readonly className: string;
  readonly line: number;
}

interface List {
  readonly path: string;
  /** The split's name on disk. */
  readonly name: string;
  readonly split: Split;
  readonly bytes: Buffer;
  readonly header: string;
  readonly rows: readonly Row[];
}

async function readList(path: string, name: string, split: Split): Promise<List> {
  const { size } = await stat(path);
  if (size > listBytesMax) throw badList(path, `at most ${listBytesMax} bytes`, `${size}`);
  const bytes = await readFile(path);
  let records: { record: Record<string, string>; info: { lines: number } }[];
  try {
    records = parse(bytes, { columns: true, bom: true, skip_empty_lines: true, trim: true, info: true });
  } catch (error) {
    throw badList(path, "comma-separated values with a header", (error as Error).message);
  }
  const first = records[0];
  if (first === undefined) throw badList(path, "a header and an image per line", "no image");
  const header = headers.find((known) => known.file in first.record && known.class in first.record);
  if (header === undefined) {
    const known = headers.map((names) => `${names.file},${names.class}`).join(" or ");
    throw badList(path, `the header ${known}`, Object.keys(first.record).join(","));
  }
  const rows = records.map(({ record, info }) => ({
    file: record[header.file]!,
    className: record[header.class]!,
    line: info.lines,
  }));
  const empty = rows.find((row) => row.file === "" || row.className === "");
  if (empty !== undefined) throw badList(path, "a file and a class", `neither or one in line ${empty.line}`);
  return { path, name, split, bytes, header: Object.keys(first.record).join(","), rows };
}

async function openLists(directory: string, lists: readonly List[]) {
  const there = new Set(await listPictures(directory));
  const classes: CollectionClass[] = [];
  const files: PictureFile[] = [];
  for (const list of lists) {
    const indices = new Map<string, number>();
    const missing: Row[] = [];
    for (const row of list.rows) {
      const path = placesOf(row, list).find((place) => there.has(place));
      if (path === undefined) {
        missing.push(row);
        continue;
      }
      let classIndex = indices.get(row.className);
      if (classIndex === undefined) {
        classIndex = classes.push({ name: row.className, split: list.split }) - 1;
        indices.set(row.className, classIndex);
      }
      files.push({ path, classIndex });
    }
    if (missing.length > 0) throw missingPictures(directory, list, missing);
  }
  return collectionOfFiles({
    format: `csv lists (${lists[0]!.header}) with images`,
    path: directory,
    classes,
    files,
    lists: lists.map(({ bytes }) => bytes),
  });
}

/** Where a listed image may lie, as published sets lay them out; the usual place first. */
function placesOf({ file, className }: Row, { name, split }: List): string[] {
  const folders = [name, ...splitNames[split]].flatMap((folder) => [`${folder}/`, `${folder}/${className}/`]);
  return ["images/", "", `images/${className}/`, `${className}/`, ...folders]
    .flatMap((folder) => [folder, `images/${folder}`])
    .map((folder) => `${folder}${file}`);
}

function missingPictures(directory: string, list: List, missing: readonly Row[]): ShoalError {
  const [first] = missing;
  const others =
    missing.length > 1 ? `; ${missing.length - 1} more of its ${list.rows.length} images are missing` : "";
  return new ShoalError(
    "E_DATASET_CONTENT",
    `${list.path}: line ${first!.line} names ${first!.file} of class ${first!.className}, which is neither in ` +
      `${join(directory, "images")} nor beside the list${others}; put the images there`,
  );
}

function missingList(directory: string, split: Split): ShoalError {
  const names = splitNames[split].map((name) => `${name}.csv`);
  return new ShoalError(
    "E_DATASET_CONTENT",
    `${directory}: expected ${names[0]} beside the other lists, got none (nor ${names.slice(1).join(" or ")})`,
  );
}

function badList(path: string, expected: string, came: string): ShoalError {
  return new ShoalError("E_DATASET_CONTENT", `${path}: expected ${expected}, got ${came}`);
}
