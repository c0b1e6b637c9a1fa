import { z } from "zod";
import { madeEpisodes } from "./fields.ts";

/** Shots and queries are per class. */
const schema = z.strictObject({ source: z.literal("binary"), ...madeEpisodes });

const defaults: z.infer<typeof schema> = {
  source: "binary",
  shots: 5,
  queries: 10,
  evaluationQueries: 50,
  trainTasks: 200,
};

export const binary = { schema, defaults };
