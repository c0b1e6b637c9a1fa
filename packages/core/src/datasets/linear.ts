import { z } from "zod";
import { madeEpisodes } from "./fields.ts";

const schema = z.strictObject({ source: z.literal("linear"), ...madeEpisodes });

const defaults: z.infer<typeof schema> = {
  source: "linear",
  shots: 5,
  queries: 10,
  evaluationQueries: 50,
  trainTasks: 200,
};

export const linear = { schema, defaults };
