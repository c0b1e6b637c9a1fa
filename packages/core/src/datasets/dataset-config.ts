import { z } from "zod";
import { binary } from "./binary.ts";
import { cifarFs } from "./cifar-fs.ts";
import { cub } from "./cub.ts";
import { fc100 } from "./fc100.ts";
import { glyphs } from "./glyphs.ts";
import { images } from "./images.ts";
import { linear } from "./linear.ts";
import { miniimagenet } from "./miniimagenet.ts";
import { mixed } from "./mixed.ts";
import { omniglot } from "./omniglot.ts";
import { sinusoid } from "./sinusoid.ts";
import { tieredimagenet } from "./tieredimagenet.ts";

/** Every source of tasks: a file beside this one, and a line here. */
const sources = {
  sinusoid,
  linear,
  binary,
  glyphs,
  omniglot,
  miniimagenet,
  tieredimagenet,
  "cifar-fs": cifarFs,
  fc100,
  cub,
  images,
  mixed,
};

type Schema = (typeof sources)[keyof typeof sources]["schema"];

export const datasetConfig = z.discriminatedUnion(
  "source",
  Object.values(sources).map(({ schema }) => schema) as [Schema, ...Schema[]],
);

export type DatasetConfig = z.infer<typeof datasetConfig>;
export type DatasetName = keyof typeof sources;

/** Every source of tasks, by name. */
export const datasetNames = Object.keys(sources) as readonly DatasetName[];

/** The names of all fields that a source's configuration may have. */
export function datasetFields(name: DatasetName): readonly string[] {
  return Object.keys(sources[name].schema.shape);
}

/** A source's configuration where nothing else is said. */
export function datasetDefaults(name: DatasetName): DatasetConfig {
  return sources[name].defaults;
}
