import { ShoalError } from "@shoal/core/outer";
import type { ConfigOf } from "../data-set.ts";
import { foldersIn, plainFolders, splitFolders } from "../formats/class-folders.ts";
import { csvLists } from "../formats/csv-lists.ts";
import { jsonLists } from "../formats/json-lists.ts";
import { splitClasses } from "../split-classes.ts";
import { pictureSet } from "./picture-set.ts";

/** Anybody's images: a folder per class, or lists. */
export const images = pictureSet<ConfigOf<"images">>({
  name: "images",
  description: "your own images, a folder per class or with lists",
  licence: "yours",
  variable: "SHOAL_IMAGES_DIR",
  subdirectories: [""],
  formats: [csvLists, jsonLists, splitFolders, foldersIn("images"), plainFolders],
  published: null,
  channels: 3,
  splitOf({ trainShare, validationShare, splitSeed }, classNames) {
    const classes = classNames.length;
    const train = Math.round(trainShare * classes);
    const validation = Math.round(validationShare * classes);
    const test = classes - train - validation;
    if (Math.min(train, validation, test) < 1) {
      throw new ShoalError(
        "E_DATASET_CONFIG",
        `dataset: expected shares that leave a class for each split, got ${train}/${validation}/${test} of ` +
          `${classes} classes; change trainShare (${trainShare}) and validationShare (${validationShare})`,
      );
    }
    return splitClasses("images", classes, { train, validation, test }, splitSeed);
  },
});
