import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import type { CollectionClass, Format } from "../collection.ts";
import { collectionOfFiles, isFile, listPictures, type PictureFile } from "./picture-files.ts";
import { findSplits, splits } from "./splits.ts";

/** `data/<class>/*` and `splits/<author>/{train,val,test}.txt`, a class per line (CIFAR-FS as published). */
export function classLists(listFolder: string): Format {
  return {
    name: "class folders with lists",
    expects: `data/ with a folder of images per class, and ${listFolder}/{train,val,test}.txt with a class per line`,
    async detect(directory) {
      const found = await findSplits(async (name) => {
        const path = join(directory, listFolder, `${name}.txt`);
        return (await isFile(path)) ? path : null;
      });
      if (splits.every((split) => found[split] === null)) return null;
      const classes: CollectionClass[] = [];
      const files: PictureFile[] = [];
      const lists: Buffer[] = [];
      for (const split of splits) {
        const list = found[split];
        if (list === null) {
          throw new ShoalError(
            "E_DATASET_CONTENT",
            `${join(directory, listFolder)}: expected the list of ${split} beside the others, got none`,
          );
        }
        const bytes = await readFile(list.found);
        lists.push(bytes);
        const names = bytes
          .toString("utf8")
          .split(/\r?\n/)
          .map((line) => line.trim());
        for (const name of names.filter((line) => line !== "")) {
          const below = `data/${name}`;
          const paths = (await listPictures(join(directory, below))) ?? [];
          if (paths.length === 0) {
            throw new ShoalError(
              "E_DATASET_CONTENT",
              `${list.found}: names class ${name}, but ${join(directory, below)} has no images; get them`,
            );
          }
          const classIndex = classes.push({ name, split }) - 1;
          for (const path of paths) files.push({ path: `${below}/${path}`, classIndex });
        }
      }
      return collectionOfFiles({
        format: `class folders with ${listFolder}`,
        path: directory,
        classes,
        files,
        lists,
      });
    },
  };
}
