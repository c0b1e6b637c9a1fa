import { z } from "zod";
import { classEpisodes, count } from "./fields.ts";

const schema = z.strictObject({
  source: z.literal("omniglot"),
  ...classEpisodes,
  /** Each class of an episode is rotated by one of four quarter turns. */
  rotations: z.boolean(),
  /** `binary`: 1-bit pixels, nearest neighbour (the MAML authors). `grey`: area-averaged. */
  pixels: z.enum(["binary", "grey"]),
  /**
   * `seeded` (also where nothing is said): characters drawn from the sorted names. `vinyals`: the user's lists of
   * characters and turns; then `rotations` says whether the turned ones are classes too.
   */
  split: z.enum(["seeded", "vinyals"]).optional(),
  /** Characters per split, drawn from the sorted names with `splitSeed`. */
  trainClasses: count,
  validationClasses: count,
  testClasses: count,
  splitSeed: z.int().min(0),
});

/** The MAML paper's protocol: 1,100 / 100 / 423 characters, one query per class, rotated classes. */
const defaults: z.infer<typeof schema> = {
  source: "omniglot",
  ways: 5,
  shots: 1,
  queries: 1,
  evaluationQueries: 1,
  rotations: true,
  pixels: "binary",
  trainClasses: 1100,
  validationClasses: 100,
  testClasses: 423,
  splitSeed: 1,
};

export const omniglot = { schema, defaults };
