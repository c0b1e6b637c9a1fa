import { splitFolders } from "../formats/class-folders.ts";
import { classLists } from "../formats/class-lists.ts";
import { labelPickles } from "../formats/pickles.ts";
import { pictureSet } from "./picture-set.ts";

/** @see Bertinetto et al. 2019, https://arxiv.org/abs/1805.08136 */
export const cifarFs = pictureSet({
  name: "cifar-fs",
  description: "CIFAR-100's 100 classes with 600 images each, 32x32 colour, 64/16/20 classes",
  licence: "as CIFAR-100",
  variable: "SHOAL_CIFAR_FS_DIR",
  subdirectories: ["", "cifar100", "cifar-fs", "CIFAR-FS", "cifarfs"],
  formats: [
    labelPickles((split) => [`CIFAR_FS_${split}.pickle`, `CIFAR_FS_${split}.pkl`]),
    classLists("splits/bertinetto"),
    splitFolders,
  ],
  published: {
    train: { classes: 64, images: 38_400 },
    validation: { classes: 16, images: 9_600 },
    test: { classes: 20, images: 12_000 },
  },
  channels: 3,
});
