import { splitFolders } from "../formats/class-folders.ts";
import { csvLists } from "../formats/csv-lists.ts";
import { cachePickles, labelPickles } from "../formats/pickles.ts";
import { torchmetaHdf5 } from "../formats/torchmeta-hdf5.ts";
import { pictureSet } from "./picture-set.ts";

/** @see Vinyals et al. 2016; Ravi and Larochelle 2017 for the split into 64 / 16 / 20 classes */
export const miniimagenet = pictureSet({
  name: "miniimagenet",
  description: "100 classes of ImageNet with 600 images each, 84x84 colour, 64/16/20 classes",
  licence: "ImageNet's terms",
  variable: "SHOAL_MINIIMAGENET_DIR",
  subdirectories: ["", "miniimagenet", "mini-imagenet", "mini_imagenet", "miniImageNet", "MiniImagenet"],
  formats: [
    csvLists,
    cachePickles((split) => [`mini-imagenet-cache-${split}.pkl`]),
    labelPickles((split) =>
      ["pickle", "pkl"].map((end) => `miniImageNet_category_split_${phaseOf(split)}.${end}`),
    ),
    torchmetaHdf5,
    splitFolders,
  ],
  published: {
    train: { classes: 64, images: 38_400 },
    validation: { classes: 16, images: 9_600 },
    test: { classes: 20, images: 12_000 },
  },
  channels: 3,
});

/** Gidaris and Komodakis 2018 also kept unseen images of the training classes, which few-shot episodes do not use. */
function phaseOf(split: string): string {
  return split === "train" ? "train_phase_train" : split;
}
