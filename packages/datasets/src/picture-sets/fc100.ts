import { splitFolders } from "../formats/class-folders.ts";
import { labelPickles } from "../formats/pickles.ts";
import { pictureSet } from "./picture-set.ts";

/** CIFAR-100 split by superclass. @see Oreshkin et al. 2018, https://arxiv.org/abs/1805.10123 */
export const fc100 = pictureSet({
  name: "fc100",
  description: "CIFAR-100 split by superclass, 600 images per class, 32x32 colour, 60/20/20 classes",
  licence: "as CIFAR-100",
  variable: "SHOAL_FC100_DIR",
  subdirectories: ["", "FC100", "fc100"],
  formats: [labelPickles((split) => [`FC100_${split}.pickle`, `FC100_${split}.pkl`]), splitFolders],
  published: {
    train: { classes: 60, images: 36_000 },
    validation: { classes: 20, images: 12_000 },
    test: { classes: 20, images: 12_000 },
  },
  channels: 3,
});
