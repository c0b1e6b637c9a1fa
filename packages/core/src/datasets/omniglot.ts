import { z } from "zod";
import { classEpisodes, count, families } from "./fields.ts";

const schema = z.strictObject({
  source: z.literal("omniglot"),
  ...classEpisodes,
  /** Each class of an episode is rotated by one of four quarter turns. */
  rotations: z.boolean(),
  /** `binary`: 1-bit pixels, nearest neighbour (the MAML authors). `grey`: area-averaged. */
  pixels: z.enum(["binary", "grey"]),
  families,
  /**
   * `seeded`: characters drawn from the sorted names. `vinyals`: the user's lists of characters and turns; then
   * `rotations` says whether the turned ones are classes too. `background`: the authors' 30 background alphabets,
   * 25 for training and 5 for validation by `splitSeed`, and their 20 evaluation alphabets for test. `alphabets`:
   * 30, 5 and 15 of all alphabets by `splitSeed`. Where nothing is said: `seeded`, or `background` with families.
   */
  split: z.enum(["seeded", "vinyals", "background", "alphabets"]).optional(),
  /** Characters per split of `seeded`, drawn from the sorted names with `splitSeed`. */
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
