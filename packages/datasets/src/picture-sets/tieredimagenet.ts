import { splitFolders } from "../formats/class-folders.ts";
import { npzImages } from "../formats/npz-images.ts";
import { pngPickles } from "../formats/pickles.ts";
import { pictureSet } from "./picture-set.ts";

const labels = (split: string) => [`${split}_labels.pkl`];

/** @see Ren et al. 2018, https://arxiv.org/abs/1803.00676 */
export const tieredimagenet = pictureSet({
  name: "tieredimagenet",
  description: "608 classes of ImageNet in 34 categories, 84x84 colour, 351/97/160 classes",
  licence: "ImageNet's terms",
  variable: "SHOAL_TIEREDIMAGENET_DIR",
  subdirectories: ["", "tiered-imagenet", "tieredimagenet", "tiered_imagenet"],
  formats: [
    pngPickles((split) => [`${split}_images_png.pkl`], labels),
    npzImages((split) => [`${split}_images.npz`], labels),
    splitFolders,
  ],
  published: {
    train: { classes: 351, images: 448_695 },
    validation: { classes: 97, images: 124_261 },
    test: { classes: 160, images: 206_209 },
  },
  channels: 3,
});
