import { join } from "node:path";
import type { Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { Format } from "../collection.ts";
import { numbersIn, openPickle, type Pickle, textOf } from "../pickle/unpickle.ts";
import { type ArrayPart, classesOfLabels, collectionOfParts, numberedClass } from "./array-parts.ts";
import { picturesIn } from "./pickled-pictures.ts";
import { isFile } from "./picture-files.ts";
import { findSplits, splits } from "./splits.ts";

/** Names of the three files, by what their authors call the splits. */
type FileName = (split: string) => readonly string[];

/** A pickle per split with `image_data` and `class_dict` (Ren et al. 2018; learn2learn). */
export function cachePickles(fileName: FileName): Format {
  return pickleFormat("cache pickles", "image_data, class_dict", fileName, (path, split, pickle) => {
    const dict = dictOf(path, pickle, ["image_data", "class_dict"]);
    const pictures = picturesIn(path, pickle, dict.get("image_data"));
    const classes = dict.get("class_dict");
    if (!(classes instanceof Map)) throw wrong(path, "class_dict to be a dict of classes", "something else");
    const labels = new Array<number>(pictures.count).fill(-1);
    const classNames: string[] = [];
    for (const [name, members] of classes) {
      const rows = numbersIn(pickle, members);
      if (rows === null) throw wrong(path, `rows of class ${textOf(name)}`, "something else");
      const label = classNames.push(textOf(name)) - 1;
      for (const row of rows) {
        if (labels[row] !== -1) {
          const why = labels[row] === undefined ? `row ${row} of ${pictures.count}` : `row ${row} again`;
          throw wrong(path, `rows of class ${textOf(name)}, each image once`, why);
        }
        labels[row] = label;
      }
    }
    const orphan = labels.indexOf(-1);
    if (orphan !== -1) throw wrong(path, "a class for every image", `none for image ${orphan}`);
    return { split, path, files: [path], classNames, labels, read: pictures.read, close: closing(pickle) };
  });
}

/** A pickle per split with `data`, `labels` and perhaps `catname2label` (Gidaris; MetaOptNet; FC100). */
export function labelPickles(fileName: FileName): Format {
  return pickleFormat("label pickles", "data, labels", fileName, (path, split, pickle) => {
    const dict = dictOf(path, pickle, ["data", "labels"]);
    const pictures = picturesIn(path, pickle, dict.get("data"));
    const numbers = numbersIn(pickle, dict.get("labels"));
    if (numbers === null) throw wrong(path, "labels to be numbers", "something else");
    const names = dict.get("catname2label");
    const byLabel = new Map<number, string>();
    if (names instanceof Map) for (const [name, label] of names) byLabel.set(Number(label), textOf(name));
    const nameOf = (label: number) => byLabel.get(label) ?? numberedClass(split, label);
    const { classNames, labels } = classesOfLabels(path, numbers, pictures.count, nameOf);
    return { split, path, files: [path], classNames, labels, read: pictures.read, close: closing(pickle) };
  });
}

/**
 * A pickle of PNG files and one of labels per split (Ren et al. 2018's tieredImageNet).
 *
 * Reading the list of 448,695 files takes about 1 GB of memory for a while.
 */
export function pngPickles(fileName: FileName, labelName: FileName): Format {
  return {
    name: "png pickles",
    expects: `${shown(fileName)} with ${shown(labelName)}`,
    async detect(directory) {
      return detectParts(directory, "png pickles", fileName, async (path, split) => {
        const pickle = openPickle(path);
        try {
          const pictures = picturesIn(path, pickle, pickle.value);
          const labels = await readLabels(directory, split, labelName, pictures.count);
          return {
            split,
            path,
            ...labels,
            files: [path, ...labels.files],
            read: pictures.read,
            close: closing(pickle),
          };
        } catch (error) {
          pickle.file.close();
          throw error;
        }
      });
    },
  };
}

/** Labels of a split of tieredImageNet, from a pickle of their own. */
export async function readLabels(directory: string, split: Split, labelName: FileName, images: number) {
  const path = await firstFile(directory, (await splitNamesOf(directory, split, labelName)) ?? []);
  if (path === null) {
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${directory}: expected the labels of ${split} (${shown(labelName)}) beside its images, got none`,
    );
  }
  const pickle = openPickle(path);
  try {
    const dict = dictOf(path, pickle, ["label_specific"]);
    const numbers = numbersIn(pickle, dict.get("label_specific"));
    if (numbers === null) throw wrong(path, "label_specific to be numbers", "something else");
    const texts = dict.get("label_specific_str");
    const names = Array.isArray(texts) ? texts.map(textOf) : [];
    // Two classes of ImageNet may have one name (crane), so the number is a part of it.
    const nameOf = (label: number) =>
      names[label] === undefined
        ? numberedClass(split, label)
        : `${numberedClass(split, label)} ${names[label]}`;
    return { files: [path], ...classesOfLabels(path, numbers, images, nameOf) };
  } finally {
    pickle.file.close();
  }
}

type OpenPart = (path: string, split: Split) => Promise<ArrayPart>;

/** Opens a file per split; null if no split has one. */
export async function detectParts(directory: string, name: string, fileName: FileName, open: OpenPart) {
  const found = await findSplits((split) => firstFile(directory, fileName(split)));
  if (splits.every((split) => found[split] === null)) return null;
  const missing = splits.find((split) => found[split] === null);
  if (missing !== undefined) {
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${directory}: expected the file of ${missing} (${shown(fileName)}) beside the other splits, got none`,
    );
  }
  const parts: ArrayPart[] = [];
  try {
    for (const split of splits) parts.push(await open(found[split]!.found, split));
    return await collectionOfParts(name, directory, parts);
  } catch (error) {
    for (const part of parts) await part.close();
    throw error;
  }
}

/** `{train,val,test}` in the place of the split's name. */
export function shown(fileName: FileName): string {
  return fileName("{train,val,test}")[0]!;
}

function pickleFormat(
  name: string,
  keys: string,
  fileName: FileName,
  open: (path: string, split: Split, pickle: Pickle) => ArrayPart,
): Format {
  return {
    name,
    expects: `${shown(fileName)} (${keys})`,
    detect: (directory) =>
      detectParts(directory, `${name} (${keys})`, fileName, async (path, split) => {
        const pickle = openPickle(path);
        try {
          return open(path, split, pickle);
        } catch (error) {
          pickle.file.close();
          throw error;
        }
      }),
  };
}

async function splitNamesOf(directory: string, split: Split, fileName: FileName): Promise<string[] | null> {
  const found = await findSplits(async (name) => {
    const path = await firstFile(directory, fileName(name));
    return path === null ? null : fileName(name);
  });
  return found[split] === null ? null : [...found[split].found];
}

async function firstFile(directory: string, names: readonly string[]): Promise<string | null> {
  for (const name of names) {
    const path = join(directory, name);
    if (await isFile(path)) return path;
  }
  return null;
}

function dictOf(path: string, { value }: Pickle, keys: readonly string[]): Map<string, unknown> {
  if (!(value instanceof Map)) throw wrong(path, `a dict with ${keys.join(" and ")}`, "no dict");
  const missing = keys.filter((key) => !value.has(key));
  if (missing.length === 0) return value as Map<string, unknown>;
  const came = [...value.keys()].slice(0, 8).map(textOf).join(", ");
  throw wrong(path, `a dict with ${keys.join(" and ")}`, came === "" ? "an empty one" : `one with ${came}`);
}

function closing(pickle: Pickle): () => Promise<void> {
  return async () => pickle.file.close();
}

function wrong(path: string, expected: string, came: string): ShoalError {
  return new ShoalError("E_DATASET_CONTENT", `${path}: expected ${expected}, got ${came}`);
}
