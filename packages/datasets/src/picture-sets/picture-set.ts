import type { DatasetConfig, Split, TaskSource } from "@shoal/core";
import type { Format } from "../collection.ts";
import type { DataSet, OpenOptions } from "../data-set.ts";
import { createImageSource } from "../images/image-source.ts";
import type { PackedImages } from "../pack/open-pack.ts";
import { statusOfPacks } from "../pack/pack-status.ts";
import type { ClassSplit } from "../split-classes.ts";
import { checkEpisodes } from "./check-episodes.ts";
import type { Published } from "./deviations.ts";
import { loadPack } from "./load-pack.ts";
import { verifyPictures } from "./verify-pictures.ts";

/** Data sets whose images are packed into one file: those whose configuration has `imageSide`, but no mixture. */
export type PictureConfig = Exclude<Extract<DatasetConfig, { imageSide: number }>, { source: "mixed" }>;

/** What is particular about one data set of pictures. */
export interface PictureSet<C extends PictureConfig = PictureConfig> {
  readonly name: C["source"];
  readonly description: string;
  readonly licence: string;
  /** Names a directory with the files, for those who do not say `--data`. */
  readonly variable: string;
  /** Folders below the named one in which tools put this set; the named one comes first. */
  readonly subdirectories: readonly string[];
  /** Tried in turn. */
  readonly formats: readonly Format[];
  /** Classes and images of the published splits; null: there is none. */
  readonly published: Published | null;
  /** Classes and images where the published set has no splits. */
  readonly publishedAsWhole?: { readonly classes: number; readonly images: number };
  readonly channels: 1 | 3;
  /** The split, where neither the files nor the pack say it. */
  splitOf?(config: C, classNames: readonly string[]): ClassSplit;
}

/** The data set of a kind of pictures. */
export function pictureSet<C extends PictureConfig>(set: PictureSet<C>): DataSet<C> {
  return {
    description: set.description,
    needs: "files",
    licence: set.licence,
    variable: set.variable,
    formats: set.formats.map(({ name, expects }) => `${name}: ${expects}`),
    open: (config, options) => openPictures(set, config, options),
    stores: (cacheDir) => statusOfPacks(cacheDir, set.name),
    async prepare(config, options) {
      const pack = await loadPack(set, config.imageSide, { ...options, isVerified: true });
      const { classes, contentHash } = pack.index;
      pack.close();
      const images = classes.reduce((sum, { images: count }) => sum + count, 0);
      return [{ name: set.name, path: pack.path, classes: classes.length, images, contentHash }];
    },
    verify: (config, options) => verifyPictures(set, config.imageSide, options),
  };
}

async function openPictures<C extends PictureConfig>(
  set: PictureSet<C>,
  config: C,
  options: OpenOptions,
): Promise<TaskSource> {
  const images = await loadPack(set, config.imageSide, options);
  const split = splitOf(set, config, images);
  checkEpisodes(set.name, config, images.index.classes, split);
  return createImageSource({
    name: set.name,
    description: describe(config, split),
    episodes: config,
    images,
    split,
    seed: options.seed,
  });
}

function splitOf<C extends PictureConfig>(
  set: PictureSet<C>,
  config: C,
  { index }: PackedImages,
): ClassSplit {
  const { classes } = index;
  if (set.splitOf !== undefined && classes.every(({ split }) => split === null)) {
    return set.splitOf(
      config,
      classes.map(({ name }) => name),
    );
  }
  const of = (wanted: Split) => Array.from(classes.keys()).filter((i) => classes[i]!.split === wanted);
  return { train: of("train"), validation: of("validation"), test: of("test") };
}

function describe(config: PictureConfig, { train, validation, test }: ClassSplit): string {
  const { source, imageSide, normalization } = config;
  const scale = normalization === "unit" ? "/255" : "ImageNet mean and deviation";
  return (
    `${source}, ${imageSide}x${imageSide} colour, ${scale}, ` +
    `split ${train.length}/${validation.length}/${test.length}`
  );
}
