import type { Split } from "@shoal/core";
import type { ConfigOf } from "../data-set.ts";
import { foldersIn, splitFolders } from "../formats/class-folders.ts";
import { csvLists } from "../formats/csv-lists.ts";
import { jsonLists } from "../formats/json-lists.ts";
import { type ClassSplit, splitClasses } from "../split-classes.ts";
import { pictureSet } from "./picture-set.ts";

/** @see Wah et al. 2011, http://www.vision.caltech.edu/datasets/cub_200_2011 */
export const cub = pictureSet<ConfigOf<"cub">>({
  name: "cub",
  description: "200 species of birds, 11,788 photographs, 84x84 colour, 100/50/50 or 140/30/30 classes",
  licence: "Caltech's terms: research, not commercial",
  variable: "SHOAL_CUB_DIR",
  subdirectories: ["", "CUB_200_2011", "CUB_200_2011/CUB_200_2011", "cub"],
  formats: [jsonLists, csvLists, splitFolders, foldersIn("images")],
  published: null,
  publishedAsWhole: { classes: 200, images: 11_788 },
  channels: 3,
  splitOf: ({ split, splitSeed }, classNames) =>
    split === "100/50/50"
      ? everySecond(classNames.length)
      : splitClasses("cub", classNames.length, { train: 140, validation: 30, test: 30 }, splitSeed),
});

/**
 * Of the sorted classes, every second is for training; of the others, every second for validation.
 *
 * @see Chen et al. 2019, https://arxiv.org/abs/1904.04232, section 4.1 and its authors' file lists
 */
function everySecond(classCount: number): ClassSplit {
  const kinds: readonly Split[] = ["train", "validation", "train", "test"];
  const of = (split: Split) =>
    Array.from({ length: classCount }, (_, i) => i).filter((i) => kinds[i % 4] === split);
  return { train: of("train"), validation: of("validation"), test: of("test") };
}
