import { z } from "zod";
import { pictureDefaults, pictureSet } from "./fields.ts";

const schema = z.strictObject({ source: z.literal("fc100"), ...pictureSet });

const defaults: z.infer<typeof schema> = { source: "fc100", ...pictureDefaults, imageSide: 32 };

export const fc100 = { schema, defaults };
