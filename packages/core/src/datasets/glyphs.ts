import { z } from "zod";
import { classEpisodes, families } from "./fields.ts";

const schema = z.strictObject({
  source: z.literal("glyphs"),
  ...classEpisodes,
  /** Each class of an episode is rotated by one of four quarter turns. */
  rotations: z.boolean(),
  /** With alphabets as families the split is 35 / 5 / 10 alphabets. */
  families,
});

const defaults: z.infer<typeof schema> = {
  source: "glyphs",
  ways: 5,
  shots: 1,
  queries: 1,
  evaluationQueries: 1,
  rotations: false,
};

export const glyphs = { schema, defaults };
