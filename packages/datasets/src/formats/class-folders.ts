import { join } from "node:path";
import type { Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { Collection, CollectionClass, Format } from "../collection.ts";
import { collectionOfFiles, listDirectories, listPictures, type PictureFile } from "./picture-files.ts";
import { findSplits, splits } from "./splits.ts";

/** `{train,val,test}/<class>/*`: images of any size, a folder per class. */
export const splitFolders: Format = {
  name: "class folders",
  expects: "train/, val/ and test/ with a folder of images per class",
  async detect(directory) {
    const found = await findSplits(async (name) => {
      const path = join(directory, name);
      return ((await listDirectories(path)) ?? []).length > 0 ? path : null;
    });
    if (found.train === null && found.test === null) return null;
    const parts: FolderPart[] = [];
    for (const split of splits) {
      const part = found[split];
      if (part === null) throw missingSplit(directory, split);
      parts.push({ folder: part.name, split });
    }
    return openFolders(directory, "class folders in train, val and test", parts);
  },
};

/** `<class>/*`: images of any size, a folder per class; the split is a function of names and a seed. */
export const plainFolders: Format = {
  name: "class folders without splits",
  expects: "a folder of images per class",
  async detect(directory) {
    const classes = await listDirectories(directory);
    if (classes === null || classes.length === 0) return null;
    const collection = await openFolders(directory, "class folders without splits", [
      { folder: "", split: null },
    ]);
    return collection.labels.length === 0 ? null : collection;
  },
};

/** `FOLDER/<class>/*` without splits. */
export function foldersIn(folder: string): Format {
  return {
    name: `class folders in ${folder}/`,
    expects: `${folder}/ with a folder of images per class`,
    async detect(directory) {
      const classes = await listDirectories(join(directory, folder));
      if (classes === null || classes.length === 0) return null;
      return openFolders(directory, `class folders in ${folder}`, [{ folder, split: null }]);
    },
  };
}

interface FolderPart {
  /** Below the directory; empty: the directory itself. */
  readonly folder: string;
  readonly split: Split | null;
}

/** Folders of classes, as one collection. */
async function openFolders(
  directory: string,
  format: string,
  parts: readonly FolderPart[],
): Promise<Collection> {
  const classes: CollectionClass[] = [];
  const files: PictureFile[] = [];
  for (const { folder, split } of parts) {
    for (const name of (await listDirectories(join(directory, folder))) ?? []) {
      const below = folder === "" ? name : `${folder}/${name}`;
      const paths = (await listPictures(join(directory, below))) ?? [];
      if (paths.length === 0) throw emptyClass(join(directory, below));
      const classIndex = classes.push({ name, split }) - 1;
      for (const path of paths) files.push({ path: `${below}/${path}`, classIndex });
    }
  }
  return collectionOfFiles({ format, path: directory, classes, files });
}

function missingSplit(directory: string, split: Split): ShoalError {
  const names = { train: "train/", validation: "val/ (or validation/, valid/)", test: "test/" }[split];
  return new ShoalError(
    "E_DATASET_CONTENT",
    `${directory}: expected ${names} with a folder of images per class beside the other splits, got none`,
  );
}

function emptyClass(path: string): ShoalError {
  return new ShoalError(
    "E_DATASET_CONTENT",
    `${path}: expected images (jpg, png, gif, webp, tiff), got none; put them there, or take the folder away`,
  );
}
