import type { Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { SplitSizes } from "../split-classes.ts";
import type { Normalization } from "./normalization.ts";

/** The part of an image data set's configuration that shapes its episodes. */
export interface ImageEpisodes {
  readonly ways: number;
  /** In training episodes, where they differ from `ways`. */
  readonly trainWays?: number | undefined;
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

/** The classes of a split's episodes, and the field that says so. */
export function waysOf(
  { ways, trainWays = ways }: Pick<ImageEpisodes, "ways" | "trainWays">,
  split: Split,
): { readonly name: "ways" | "trainWays"; readonly ways: number } {
  return split === "train" && trainWays !== ways
    ? { name: "trainWays", ways: trainWays }
    : { name: "ways", ways };
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
  const { shots, trainShots = shots } = episodes;
  for (const split of ["train", "validation", "test"] as const) {
    const { name, ways } = waysOf(episodes, split);
    if (ways > sizes[split]) {
      throw new ShoalError(
        "E_DATASET_CONFIG",
        `dataset.${name}: expected at most ${sizes[split]}, the characters in the ${split} split of ${dataset}; ` +
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
