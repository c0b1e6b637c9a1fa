import type { Split } from "@shoal/core";
import { createRandom, ShoalError } from "@shoal/core/outer";
import { stream } from "./streams.ts";

export type SplitSizes = Readonly<Record<Split, number>>;

/** Indices of classes in the sorted names; disjoint. */
export type ClassSplit = Readonly<Record<Split, readonly number[]>>;

/**
 * Parts `classCount` classes, numbered in the order of their sorted names, into three disjoint splits.
 *
 * A function of the sorted names and `splitSeed` alone: the classes are shuffled once, then the first
 * `sizes.train` are for training, the next for validation, the next for test. The run's seed plays no
 * part, so a checkpoint is never tested on classes it was trained on.
 *
 * @throws {ShoalError} E_DATASET_CONFIG if there are not enough classes, or the seed is no 32-bit integer
 */
export function splitClasses(
  dataset: string,
  classCount: number,
  sizes: SplitSizes,
  splitSeed: number,
): ClassSplit {
  const wanted = sizes.train + sizes.validation + sizes.test;
  if (wanted > classCount) {
    throw new ShoalError(
      "E_DATASET_CONFIG",
      `dataset: expected trainClasses + validationClasses + testClasses <= ${classCount}, the characters of ` +
        `${dataset}; got ${sizes.train} + ${sizes.validation} + ${sizes.test} = ${wanted}; lower one of them`,
    );
  }
  if (splitSeed > 0xffff_ffff) {
    throw new ShoalError(
      "E_DATASET_CONFIG",
      `dataset.splitSeed: expected an integer from 0 to 4294967295, got ${splitSeed}`,
    );
  }
  const classes = Array.from({ length: classCount }, (_, i) => i);
  createRandom(splitSeed, stream.split).shuffle(classes);
  return {
    train: classes.slice(0, sizes.train),
    validation: classes.slice(sizes.train, sizes.train + sizes.validation),
    test: classes.slice(sizes.train + sizes.validation, wanted),
  };
}
