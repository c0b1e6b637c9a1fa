import { z } from "zod";
import { pictureDefaults, pictureSet } from "./fields.ts";

const schema = z.strictObject({ source: z.literal("tieredimagenet"), ...pictureSet });

const defaults: z.infer<typeof schema> = { source: "tieredimagenet", ...pictureDefaults, imageSide: 84 };

export const tieredimagenet = { schema, defaults };
