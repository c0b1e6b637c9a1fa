import { z } from "zod";
import { pictureDefaults, pictureSet } from "./fields.ts";

const schema = z.strictObject({ source: z.literal("miniimagenet"), ...pictureSet });

const defaults: z.infer<typeof schema> = { source: "miniimagenet", ...pictureDefaults, imageSide: 84 };

export const miniimagenet = { schema, defaults };
