import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import type { CollectionClass, Format } from "../collection.ts";
import { listBytesMax } from "../limits.ts";
import { collectionOfFiles, isFile, listPictures, type PictureFile } from "./picture-files.ts";
import { findSplits, splits } from "./splits.ts";

/** `{train,val,test}.json` with `class_names` and `class_roots`, a folder of images each (easyfsl). */
export const jsonLists: Format = {
  name: "json lists",
  expects: "train.json, val.json and test.json with class_names and class_roots (folders of images)",
  async detect(directory) {
    const found = await findSplits(async (name) => {
      const path = join(directory, `${name}.json`);
      return (await isFile(path)) ? path : null;
    });
    if (splits.every((split) => found[split] === null)) return null;
    const classes: CollectionClass[] = [];
    const files: PictureFile[] = [];
    const lists: Buffer[] = [];
    for (const split of splits) {
      const place = found[split];
      if (place === null) throw wrong(directory, `${split}.json beside the other lists`, "none");
      const { bytes, names, roots } = await readList(place.found);
      lists.push(bytes);
      for (const [i, name] of names.entries()) {
        const folder = await findFolder(directory, roots[i]!);
        if (folder === null) {
          throw wrong(
            place.found,
            `images of class ${name} in a folder of ${directory} that ends like ${roots[i]!}`,
            "none",
          );
        }
        const classIndex = classes.push({ name, split }) - 1;
        for (const path of folder.paths) files.push({ path: `${folder.below}/${path}`, classIndex });
      }
    }
    return collectionOfFiles({
      format: "json lists (class_names, class_roots)",
      path: directory,
      classes,
      files,
      lists,
    });
  },
};

interface JsonList {
  readonly bytes: Buffer;
  readonly names: readonly string[];
  readonly roots: readonly string[];
}

async function readList(path: string): Promise<JsonList> {
  const { size } = await stat(path);
  if (size > listBytesMax) throw wrong(path, `at most ${listBytesMax} bytes`, `${size}`);
  const bytes = await readFile(path);
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw wrong(path, "JSON", (error as Error).message);
  }
  const { class_names: names, class_roots: roots } = (value ?? {}) as Record<string, unknown>;
  if (isTexts(names) && isTexts(roots) && names.length === roots.length) return { bytes, names, roots };
  throw wrong(path, "class_names and class_roots, lists of text of the same length", "something else");
}

/** A folder as it is named, or the longest end of its path that is below `directory`. */
async function findFolder(
  directory: string,
  root: string,
): Promise<{ readonly below: string; readonly paths: readonly string[] } | null> {
  const steps = root.split(/[\\/]+/).filter((step) => step !== "" && step !== ".");
  for (let first = 0; first < steps.length; first++) {
    const below = steps.slice(first).join("/");
    const paths = below.startsWith("..") ? null : await listPictures(join(directory, below));
    if (paths !== null && paths.length > 0) return { below, paths };
  }
  return null;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function wrong(path: string, expected: string, came: string): ShoalError {
  return new ShoalError("E_DATASET_CONTENT", `${path}: expected ${expected}, got ${came}`);
}
