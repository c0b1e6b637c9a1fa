import { z } from "zod";
import { count, trainShots } from "./fields.ts";

const schema = z.strictObject({
  source: z.literal("sinusoid"),
  /** Support examples per task. */
  shots: count,
  trainShots,
  /** Query examples per training task. */
  queries: count,
  /** Query examples per evaluation task. */
  evaluationQueries: count,
});

const defaults: z.infer<typeof schema> = {
  source: "sinusoid",
  shots: 10,
  queries: 10,
  evaluationQueries: 100,
};

export const sinusoid = { schema, defaults };
