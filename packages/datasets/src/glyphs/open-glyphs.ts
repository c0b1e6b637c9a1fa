import { join } from "node:path";
import type { DatasetConfig, TaskSource } from "@shoal/core";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { cachedStore } from "../images/cached-store.ts";
import { checkImageEpisodes, createImageSource } from "../images/image-source.ts";
import type { ImageStore } from "../images/image-store.ts";
import { splitClasses } from "../split-classes.ts";
import {
  alphabetCount,
  charactersPerAlphabet,
  drawGlyphs,
  glyphInstances,
  glyphsOrigin,
  glyphsRecipe,
} from "./draw-glyphs.ts";

export type GlyphsConfig = Extract<DatasetConfig, { source: "glyphs" }>;

/** Omniglot's proportions (1100 / 100 / 423 of 1623), rounded. */
const glyphsSplit = { train: 700, validation: 100, test: 200 } as const;
const glyphsSplitSeed = 1;

/**
 * Procedural characters: few-shot classification that behaves like Omniglot and needs no files.
 *
 * The characters and their split are the same in every run; the run's seed draws the episodes.
 *
 * @throws {ShoalError} E_DATASET_CONFIG if the episodes ask for more than there is
 */
export async function openGlyphs(
  config: GlyphsConfig,
  options: { readonly seed: number; readonly cacheDir: string | null; readonly onEvent: OnDatasetEvent },
): Promise<TaskSource> {
  checkImageEpisodes("glyphs", config, glyphsSplit, glyphInstances);
  const store = await loadGlyphs(options.cacheDir, options.onEvent);
  return createImageSource({
    name: "glyphs",
    description: describeGlyphs(config),
    episodes: config,
    store,
    split: splitClasses("glyphs", store.classNames.length, glyphsSplit, glyphsSplitSeed),
    seed: options.seed,
  });
}

/** The drawn glyphs, from the cache where they are there. */
export function loadGlyphs(cacheDir: string | null, onEvent: OnDatasetEvent): Promise<ImageStore> {
  return cachedStore({
    path: cacheDir === null ? null : glyphsStorePath(cacheDir),
    recipe: glyphsRecipe,
    origin: glyphsOrigin,
    build: async () => drawGlyphs(onEvent),
    onEvent,
  });
}

export function glyphsStorePath(cacheDir: string): string {
  return join(cacheDir, "glyphs.store");
}

function describeGlyphs(config: GlyphsConfig): string {
  const { train, validation, test } = glyphsSplit;
  return (
    `glyphs, ${alphabetCount} x ${charactersPerAlphabet} procedural characters, 28x28 grey, ` +
    `split ${train}/${validation}/${test}${config.rotations ? ", quarter turns" : ""}`
  );
}
