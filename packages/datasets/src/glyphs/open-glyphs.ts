import { join } from "node:path";
import type { TaskSource } from "@shoal/core";
import { alphabetFamilies, splitAlphabets } from "../alphabets.ts";
import type { ConfigOf, DataSet, OpenOptions } from "../data-set.ts";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { cachedStore } from "../images/cached-store.ts";
import { imagesInMemory } from "../images/class-images.ts";
import { checkImageEpisodes } from "../images/image-episodes.ts";
import { createImageSource } from "../images/image-source.ts";
import type { ImageStore } from "../images/image-store.ts";
import { checkStore, preparedStore, type StorePlace, statusOfStore } from "../images/stores-in-memory.ts";
import { type SplitSizes, splitClasses } from "../split-classes.ts";
import {
  alphabetCount,
  charactersPerAlphabet,
  drawGlyphs,
  glyphInstances,
  glyphsOrigin,
  glyphsRecipe,
} from "./draw-glyphs.ts";

type GlyphsConfig = ConfigOf<"glyphs">;

/** Omniglot's proportions (1100 / 100 / 423 of 1623), rounded. */
const glyphsSplit = { train: 700, validation: 100, test: 200 } as const;
const glyphsSplitSeed = 1;
/** The same, of alphabets. */
const alphabetSplit = { train: 35, validation: 5, test: 10 } as const;

/** Procedural characters: few-shot classification that behaves like Omniglot and needs no files. */
export const glyphs: DataSet<GlyphsConfig> = {
  description: "1,000 procedural characters of 50 alphabets, 20 instances each, 28x28 grey",
  needs: "nothing",
  licence: "MIT",
  variable: null,
  formats: [],
  open: openGlyphs,
  stores: async (cacheDir) => [await statusOfStore(placeOf(cacheDir))],
  prepare: async (_, { cacheDir, onEvent }) => [
    preparedStore(placeOf(cacheDir), await loadGlyphs(cacheDir, onEvent)),
  ],
  verify: async (_, { cacheDir, onEvent }) => [await checkStore(placeOf(cacheDir), drawGlyphs(onEvent))],
};

function placeOf(cacheDir: string): StorePlace {
  return { name: "glyphs", path: glyphsStorePath(cacheDir), recipe: glyphsRecipe };
}

/**
 * The characters and their split are the same in every run; the run's seed draws the episodes.
 *
 * @throws {ShoalError} E_DATASET_CONFIG if the episodes ask for more than there is
 */
async function openGlyphs(config: GlyphsConfig, options: OpenOptions): Promise<TaskSource> {
  const isByAlphabet = config.families === "alphabet";
  const sizes = isByAlphabet ? charactersOf(alphabetSplit) : glyphsSplit;
  checkImageEpisodes("glyphs", config, sizes, glyphInstances);
  const store = await loadGlyphs(options.cacheDir, options.onEvent);
  const { classNames } = store;
  const split = isByAlphabet
    ? splitAlphabets("glyphs", classNames, alphabetSplit, glyphsSplitSeed)
    : splitClasses("glyphs", classNames.length, glyphsSplit, glyphsSplitSeed);
  return createImageSource({
    name: "glyphs",
    description: describeGlyphs(config),
    episodes: config,
    images: imagesInMemory(store),
    split,
    families: isByAlphabet ? alphabetFamilies("glyphs", classNames, split, config) : undefined,
    seed: options.seed,
  });
}

/** The drawn glyphs, from the cache where they are there. */
function loadGlyphs(cacheDir: string | null, onEvent: OnDatasetEvent): Promise<ImageStore> {
  return cachedStore({
    path: cacheDir === null ? null : glyphsStorePath(cacheDir),
    recipe: glyphsRecipe,
    origin: glyphsOrigin,
    build: async () => drawGlyphs(onEvent),
    onEvent,
  });
}

function glyphsStorePath(cacheDir: string): string {
  return join(cacheDir, "glyphs.store");
}

function describeGlyphs(config: GlyphsConfig): string {
  const isByAlphabet = config.families === "alphabet";
  const { train, validation, test } = isByAlphabet ? alphabetSplit : glyphsSplit;
  return (
    `glyphs, ${alphabetCount} x ${charactersPerAlphabet} procedural characters, 28x28 grey, ` +
    `split ${train}/${validation}/${test}${isByAlphabet ? " alphabets, each episode within one" : ""}` +
    (config.rotations ? ", quarter turns" : "")
  );
}

function charactersOf({ train, validation, test }: SplitSizes): SplitSizes {
  const characters = (alphabets: number) => alphabets * charactersPerAlphabet;
  return { train: characters(train), validation: characters(validation), test: characters(test) };
}
