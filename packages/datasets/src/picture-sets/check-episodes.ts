import { ShoalError } from "@shoal/core/outer";
import { splits } from "../formats/splits.ts";
import { type ImageEpisodes, waysOf } from "../images/image-episodes.ts";
import type { PackedClass } from "../pack/pack-index.ts";
import type { ClassSplit } from "../split-classes.ts";

/**
 * Refuses episodes that the packed classes cannot give.
 *
 * @throws {ShoalError} E_DATASET_CONFIG that names the split, or the first class with too few images
 */
export function checkEpisodes(
  dataset: string,
  episodes: ImageEpisodes,
  classes: readonly PackedClass[],
  split: ClassSplit,
): void {
  const { shots, trainShots = shots } = episodes;
  for (const name of splits) {
    const { name: waysName, ways } = waysOf(episodes, name);
    if (split[name].length < ways) {
      throw new ShoalError(
        "E_DATASET_CONFIG",
        `dataset.${waysName}: expected at most ${split[name].length}, the classes in the ${name} split of ${dataset}; ` +
          `got ${ways}; lower the ways or give the split more classes`,
      );
    }
    const queries = name === "train" ? "queries" : "evaluationQueries";
    const support = name === "train" ? trainShots : shots;
    const shotsName = support === shots ? "shots" : "trainShots";
    const wanted = support + episodes[queries];
    const few = split[name].find((c) => classes[c]!.images < wanted);
    if (few !== undefined) {
      throw new ShoalError(
        "E_DATASET_CONFIG",
        `dataset: expected ${shotsName} + ${queries} <= ${classes[few]!.images}, the images of class ` +
          `${classes[few]!.name} in the ${name} split of ${dataset}; got ${support} + ${episodes[queries]} = ` +
          `${wanted}; lower one of them`,
      );
    }
  }
}
