import { createHash } from "node:crypto";
import type { EpisodeSpec, Split, TaskSource } from "@shoal/core";
import type { Families } from "../alphabets.ts";
import { episodeRecipeVersion, sampleEpisode } from "../sample-episode.ts";
import type { ClassSplit } from "../split-classes.ts";
import type { ClassImages } from "./class-images.ts";
import { type ImageEpisodes, waysOf } from "./image-episodes.ts";
import { normalizationTables } from "./normalization.ts";

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

/** A task source that can give the same data in episodes of other ways and shots. */
export interface ImageSource extends TaskSource {
  /** @param shape ways and shots, in training too, at most those that the source was opened with */
  withShape(shape: { readonly ways: number; readonly shots: number }): ImageSource;
}

/** A task source of few-shot classification over images. */
export function createImageSource(options: ImageSourceOptions): ImageSource {
  const { episodes, images, split: classes, turns, families, seed } = options;
  const { shots, trainShots = shots, rotations = false, normalization = "unit" } = episodes;
  const { height, width, channels } = images;
  const tables = normalizationTables(normalization, channels);
  const shotsOf = (split: Split) => (split === "train" ? trainShots : shots);
  const queriesOf = (split: Split) => (split === "train" ? episodes.queries : episodes.evaluationQueries);
  const examplesSpec = (count: number): EpisodeSpec["support"] => ({
    x: { shape: [count, height, width, channels], dtype: "float32" },
    y: { shape: [count], dtype: "int32" },
  });
  const specOf = (split: Split): EpisodeSpec => {
    const { name, ways: classCount } = waysOf(episodes, split);
    return {
      support: examplesSpec(classCount * shotsOf(split)),
      query: examplesSpec(classCount * queriesOf(split)),
      ...(name === "ways" ? {} : { ways: classCount }),
    };
  };
  // A turned character is a class of its own; those of a family are numbered one after the other.
  const turnsPerClass = rotations ? 4 : 1;
  const trainFamilies = families?.train ?? [{ places: Array.from(classes.train.keys()) }];
  const ranks = new Map(trainFamilies.flatMap(({ places }) => places).map((place, rank) => [place, rank]));
  const identityOf = (place: number, quarterTurns: number): number =>
    ranks.get(place)! * turnsPerClass + (rotations ? quarterTurns : 0);
  return {
    name: options.name,
    problem: { type: "classification", ways: episodes.ways },
    identities: { familySizes: trainFamilies.map(({ places }) => places.length * turnsPerClass) },
    dataHash: hashData(options),
    description: options.description,
    spec: specOf,
    withShape: (shape) => createImageSource({ ...options, episodes: { ...episodes, ...shape } }),
    episode(split, index) {
      const recipe = {
        images,
        tables,
        classes: classes[split],
        turns: turns?.[split],
        families: families?.[split],
        ways: waysOf(episodes, split).ways,
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
  const { ways, trainWays, shots, trainShots, queries, evaluationQueries } = episodes;
  const { rotations = false, normalization } = episodes;
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
        options: { ways, shots, queries, evaluationQueries, rotations, normalization, trainShots, trainWays },
      }),
    )
    .digest("hex");
}
