import { z } from "zod";
import { pictureDefaults, pictureSet } from "./fields.ts";

const share = z.number().gt(0).lt(1);

const schema = z.strictObject({
  source: z.literal("images"),
  ...pictureSet,
  /** Shares of the classes where the files do not split them; the rest is for test. */
  trainShare: share,
  validationShare: share,
  /** Shuffles the sorted names of the classes before they are shared out. */
  splitSeed: z.int().min(0).max(0xffff_ffff),
});

/** MiniImageNet's shares: 64 / 16 / 20. */
const defaults: z.infer<typeof schema> = {
  source: "images",
  ...pictureDefaults,
  imageSide: 84,
  trainShare: 0.64,
  validationShare: 0.16,
  splitSeed: 1,
};

export const images = { schema, defaults };
