import { z } from "zod";
import { pictureDefaults, pictureSet } from "./fields.ts";

const schema = z.strictObject({
  source: z.literal("cub"),
  ...pictureSet,
  /**
   * Classes of train, validation and test where the files do not say. `100/50/50`: every second class (Chen et
   * al. 2019). `140/30/30`: a shuffle of the sorted names with `splitSeed`.
   */
  split: z.enum(["100/50/50", "140/30/30"]),
  splitSeed: z.int().min(0).max(0xffff_ffff),
});

const defaults: z.infer<typeof schema> = {
  source: "cub",
  ...pictureDefaults,
  imageSide: 84,
  split: "100/50/50",
  splitSeed: 1,
};

export const cub = { schema, defaults };
