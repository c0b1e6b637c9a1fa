import { createHash } from "node:crypto";
import type { EpisodeSpec, Split, TaskSource } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { Families } from "../alphabets.ts";
import { episodeRecipeVersion, sampleEpisode } from "../sample-episode.ts";
import type { ClassSplit, SplitSizes } from "../split-classes.ts";
import type { ClassImages } from "./class-images.ts";
import { type Normalization, normalizationTables } from "./normalization.ts";

/** The part of an image data set's configuration that shapes its episodes. */
export interface ImageEpisodes {
  readonly ways: number;
  readonly shots: number;
  /** In training episodes, where they differ from `shots`. */
  readonly trainShots?: number | undefined;
  readonly queries: number;
  readonly evaluationQueries: number;
  /** Classes are turned by quarter turns. Default false. */
  readonly rotations?: boolean;
  /** Default `unit`. */
  readonly normalization?: Normalization;
}

/**
 * Refuses episodes that the data cannot give, before any file is opened.
 *
 * @throws {ShoalError} E_DATASET_CONFIG
 */
export function checkImageEpisodes(
  dataset: string,
  episodes: ImageEpisodes,
  sizes: SplitSizes,
  examplesPerClass: number,
): void {
  const { ways, shots, trainShots = shots } = episodes;
  for (const split of ["train", "validation", "test"] as const) {
    if (ways > sizes[split]) {
      throw new ShoalError(
        "E_DATASET_CONFIG",
        `dataset.ways: expected at most ${sizes[split]}, the characters in the ${split} split of ${dataset}; ` +
          `got ${ways}; lower the ways or give the split more characters`,
      );
    }
  }
  for (const [supportName, support, name] of [
    [trainShots === shots ? "shots" : "trainShots", trainShots, "queries"],
    ["shots", shots, "evaluationQueries"],
  ] as const) {
    const wanted = support + episodes[name];
    if (wanted > examplesPerClass) {
      throw new ShoalError(
        "E_DATASET_CONFIG",
        `dataset: expected ${supportName} + ${name} <= ${examplesPerClass}, the examples of each character of ` +
          `${dataset}; got ${support} + ${episodes[name]} = ${wanted}; lower one of them`,
      );
    }
  }
}

interface ImageSourceOptions {
  readonly name: string;
  readonly description: string;
  readonly episodes: ImageEpisodes;
  readonly images: ClassImages;
  readonly split: ClassSplit;
  /** Quarter turns of each class of each split, where they are part of the class. */
  readonly turns?: ClassSplit;
  /** An episode's classes are then all of one family. */
  readonly families?: Families | undefined;
  readonly seed: number;
}

/** A task source of few-shot classification over images. */
export function createImageSource(options: ImageSourceOptions): TaskSource {
  const { episodes, images, split: classes, turns, families, seed } = options;
  const { ways, shots, trainShots = shots, rotations = false, normalization = "unit" } = episodes;
  const { height, width, channels } = images;
  const tables = normalizationTables(normalization, channels);
  const shotsOf = (split: Split) => (split === "train" ? trainShots : shots);
  const queriesOf = (split: Split) => (split === "train" ? episodes.queries : episodes.evaluationQueries);
  const examplesSpec = (count: number): EpisodeSpec["support"] => ({
    x: { shape: [ways * count, height, width, channels], dtype: "float32" },
    y: { shape: [ways * count], dtype: "int32" },
  });
  // A turned character is a class of its own; those of a family are numbered one after the other.
  const turnsPerClass = rotations ? 4 : 1;
  const trainFamilies = families?.train ?? [{ places: Array.from(classes.train.keys()) }];
  const ranks = new Map(trainFamilies.flatMap(({ places }) => places).map((place, rank) => [place, rank]));
  const identityOf = (place: number, quarterTurns: number): number =>
    ranks.get(place)! * turnsPerClass + (rotations ? quarterTurns : 0);
  return {
    name: options.name,
    problem: { type: "classification", ways },
    identities: { familySizes: trainFamilies.map(({ places }) => places.length * turnsPerClass) },
    dataHash: hashData(options),
    description: options.description,
    spec: (split) => ({ support: examplesSpec(shotsOf(split)), query: examplesSpec(queriesOf(split)) }),
    episode(split, index) {
      const recipe = {
        images,
        tables,
        classes: classes[split],
        turns: turns?.[split],
        families: families?.[split],
        ways,
        shots: shotsOf(split),
        queries: queriesOf(split),
        rotations,
        identityOf: split === "train" ? identityOf : null,
      };
      return sampleEpisode(recipe, seed, split, index);
    },
  };
}

/** Everything an episode depends on besides seed and index: pixels, names, splits, options. */
function hashData({ images, split, turns, families, episodes }: ImageSourceOptions): string {
  const { ways, shots, trainShots, queries, evaluationQueries, rotations = false, normalization } = episodes;
  return createHash("sha256")
    .update(
      JSON.stringify({
        episodeRecipeVersion,
        content: images.contentHash,
        train: split.train,
        validation: split.validation,
        test: split.test,
        // What is undefined is left out, so that the hash of data without it stays what it was.
        turns,
        families,
        options: { ways, shots, queries, evaluationQueries, rotations, normalization, trainShots },
      }),
    )
    .digest("hex");
}
