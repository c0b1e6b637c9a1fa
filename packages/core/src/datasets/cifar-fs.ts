import { z } from "zod";
import { pictureDefaults, pictureSet } from "./fields.ts";

const schema = z.strictObject({ source: z.literal("cifar-fs"), ...pictureSet });

const defaults: z.infer<typeof schema> = { source: "cifar-fs", ...pictureDefaults, imageSide: 32 };

export const cifarFs = { schema, defaults };
