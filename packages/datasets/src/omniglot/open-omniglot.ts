import type { TaskSource } from "@shoal/core";
import { isShoalError } from "@shoal/core/outer";
import { alphabetFamilies, splitAlphabets } from "../alphabets.ts";
import {
  type ConfigOf,
  type DataSet,
  type DataSetCheck,
  type MakeOptions,
  namedDirectory,
  type OpenOptions,
} from "../data-set.ts";
import { imagesInMemory } from "../images/class-images.ts";
import { checkImageEpisodes } from "../images/image-episodes.ts";
import { createImageSource } from "../images/image-source.ts";
import type { ImageStore } from "../images/image-store.ts";
import { checkStore, preparedStore, type StorePlace, statusOfStore } from "../images/stores-in-memory.ts";
import { type SplitSizes, splitClasses } from "../split-classes.ts";
import { backgroundAlphabets } from "./background-alphabets.ts";
import { loadOmniglot, omniglotDownloadDir, omniglotStorePath } from "./load-omniglot.ts";
import { howToGetOmniglot } from "./locate.ts";
import { findOmniglotFiles } from "./omniglot-files.ts";
import { omniglotCharacters, omniglotDirVariable, omniglotExamples } from "./parts.ts";
import { omniglotRecipe } from "./shrink.ts";
import { readVinyalsSplit } from "./vinyals-split.ts";

type OmniglotConfig = ConfigOf<"omniglot">;

/** Both kinds of pixels are packed from one reading of the files. */
const kinds = ["binary", "grey"] as const;

export const omniglot: DataSet<OmniglotConfig> = {
  description: "1,623 handwritten characters of 50 alphabets, 20 drawers each, 28x28 binary or grey",
  needs: "files",
  licence: "MIT, Brenden Lake",
  variable: omniglotDirVariable,
  formats: [
    "images_background.zip and images_evaluation.zip",
    "both extracted, also below omniglot-py/",
    "data.hdf5 (torchmeta)",
    "omniglot.npy (28x28, without names)",
    "with splits/vinyals/{train,val,test}.txt for --class-split vinyals",
  ],
  open: openOmniglot,
  stores: (cacheDir) => Promise.all(placesOf(cacheDir).map(statusOfStore)),
  async prepare(_, options) {
    const stores = await loadOmniglot(kinds, options);
    return placesOf(options.cacheDir).map((place, i) => preparedStore(place, stores[i]!));
  },
  async verify(_, options) {
    const checks: DataSetCheck[] = [];
    const expected = await makeAnew(options, checks);
    for (const [i, place] of placesOf(options.cacheDir).entries()) {
      checks.push(await checkStore(place, expected?.[i] ?? null));
    }
    return checks;
  },
};

function placesOf(cacheDir: string): StorePlace[] {
  return kinds.map((pixels) => ({
    name: `omniglot-${pixels}`,
    path: omniglotStorePath(cacheDir, pixels),
    recipe: omniglotRecipe(pixels),
  }));
}

/** The stores as they should be; null where the files are missing or faulty. */
async function makeAnew(options: MakeOptions, checks: DataSetCheck[]): Promise<readonly ImageStore[] | null> {
  try {
    const deviations: string[] = [];
    const onEvent: MakeOptions["onEvent"] = (event) => {
      if (event.type === "deviation") deviations.push(event.detail);
      else options.onEvent(event);
    };
    const places = { dataDir: options.dataDir, downloadDir: omniglotDownloadDir(options.cacheDir) };
    const files = await findOmniglotFiles(places, onEvent);
    if (files === null) {
      checks.push({ name: "files", outcome: "absent", detail: `no files are known; ${howToGetOmniglot}` });
      return null;
    }
    const stores: ImageStore[] = [];
    for (const pixels of kinds) stores.push(await files.build(pixels));
    checks.push(
      deviations.length === 0
        ? {
            name: "files",
            outcome: "whole",
            detail: `${files.paths}: names and pixels are the published ones`,
          }
        : { name: "files", outcome: "differs", detail: [...new Set(deviations)].join("; ") },
    );
    return stores;
  } catch (error) {
    if (!isShoalError(error) || error.code === "E_INTERRUPTED") throw error;
    checks.push({ name: "files", outcome: "faulty", detail: error.message });
    return null;
  }
}

/**
 * Omniglot: 1,623 handwritten characters of 50 alphabets, 20 drawers each, at 28 x 28.
 *
 * @throws {ShoalError} E_DATASET_CONFIG before any file is opened, else what `loadOmniglot` throws
 * @see Lake et al. 2015, https://github.com/brendenlake/omniglot
 */
async function openOmniglot(config: OmniglotConfig, options: OpenOptions): Promise<TaskSource> {
  const sizes = {
    train: config.trainClasses,
    validation: config.validationClasses,
    test: config.testClasses,
  };
  const kind = splitOf(config);
  if (kind === "vinyals") return openVinyals(config, options);
  if (kind !== "seeded") return openByAlphabets(config, kind, options);
  checkImageEpisodes("omniglot", config, sizes, omniglotExamples);
  const split = splitClasses("omniglot", omniglotCharacters, sizes, config.splitSeed);
  const [store] = await loadOmniglot([config.pixels], options);
  return createImageSource({
    name: "omniglot",
    description: describeOmniglot(config, sizes),
    episodes: config,
    images: imagesInMemory(store!),
    split,
    seed: options.seed,
  });
}

/** Classes are characters in one of four quarter turns, split by the user's lists. */
async function openVinyals(config: OmniglotConfig, options: OpenOptions): Promise<TaskSource> {
  const [store] = await loadOmniglot([config.pixels], options);
  const directory = namedDirectory(options.dataDir, omniglotDirVariable);
  const split = await readVinyalsSplit(directory, store!.classNames, config.rotations);
  const sizes = {
    train: split.train.length,
    validation: split.validation.length,
    test: split.test.length,
  };
  checkImageEpisodes("omniglot", config, sizes, omniglotExamples);
  return createImageSource({
    name: "omniglot",
    description: describeOmniglot(config, sizes),
    episodes: { ...config, rotations: false },
    images: imagesInMemory(store!),
    split,
    turns: split.turns,
    seed: options.seed,
  });
}

/** Alphabets per split: the authors' 30 and 20 as 25, 5 and 20; or shares of all 50. */
const alphabetSizes = {
  background: { train: 25, validation: 5, test: 20 },
  alphabets: { train: 30, validation: 5, test: 15 },
} as const;

/** No alphabet is in two splits; with families, an episode's characters are all of one alphabet. */
async function openByAlphabets(
  config: OmniglotConfig,
  kind: keyof typeof alphabetSizes,
  options: OpenOptions,
): Promise<TaskSource> {
  const [store] = await loadOmniglot([config.pixels], options);
  const { classNames } = store!;
  const isForTest = kind === "background" ? (name: string) => !backgroundAlphabets.has(name) : undefined;
  const split = splitAlphabets("omniglot", classNames, alphabetSizes[kind], config.splitSeed, isForTest);
  const sizes = {
    train: split.train.length,
    validation: split.validation.length,
    test: split.test.length,
  };
  checkImageEpisodes("omniglot", config, sizes, omniglotExamples);
  return createImageSource({
    name: "omniglot",
    description: describeOmniglot(config, sizes),
    episodes: config,
    images: imagesInMemory(store!),
    split,
    families:
      config.families === "alphabet" ? alphabetFamilies("omniglot", classNames, split, config) : undefined,
    seed: options.seed,
  });
}

function splitOf({ split, families }: OmniglotConfig): NonNullable<OmniglotConfig["split"]> {
  return split ?? (families === "alphabet" ? "background" : "seeded");
}

function describeOmniglot(config: OmniglotConfig, { train, validation, test }: SplitSizes): string {
  const pixels = config.pixels === "binary" ? "binary, nearest neighbour" : "grey, area-averaged";
  const kind = splitOf(config);
  const turns = kind === "vinyals" ? ", a class per quarter turn" : ", quarter turns";
  return (
    `omniglot, 28x28 ${pixels}, split ${train}/${validation}/${test} (${splitText(kind, config.splitSeed)})` +
    (config.families === "alphabet" ? ", each episode within one alphabet" : "") +
    (config.rotations ? turns : "")
  );
}

function splitText(kind: NonNullable<OmniglotConfig["split"]>, splitSeed: number): string {
  switch (kind) {
    case "seeded":
      return `split seed ${splitSeed}`;
    case "vinyals":
      return "Vinyals' lists";
    case "background":
    case "alphabets": {
      const { train, validation, test } = alphabetSizes[kind];
      const whose = kind === "background" ? "background and evaluation " : "";
      return `${train}/${validation}/${test} ${whose}alphabets, split seed ${splitSeed}`;
    }
  }
}
