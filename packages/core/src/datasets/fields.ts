import { z } from "zod";

/** Fields that several data sets share. */

export const count = z.int().min(1);

/** Support examples (per class) in training episodes, where they differ from `shots`, as Reptile's do. */
export const trainShots = count.optional();

/** Episodes of few-shot classification. */
export const classEpisodes = {
  ways: z.int().min(2),
  /** Classes of training episodes, where they differ from `ways`: for algorithms without a head. */
  trainWays: z.int().min(2).optional(),
  shots: count,
  trainShots,
  /** Query examples per class in training episodes. */
  queries: count,
  /** Query examples per class in evaluation episodes. */
  evaluationQueries: count,
};

/**
 * `alphabet`: each episode draws its classes from one alphabet, and no alphabet is in two splits. `none`, also
 * where nothing is said: from all classes of the split.
 */
export const families = z.enum(["none", "alphabet"]).optional();

/** Episodes that are made of random numbers, with a finite set of training tasks. */
export const madeEpisodes = {
  shots: count,
  trainShots,
  queries: count,
  evaluationQueries: count,
  /** How many different tasks there are in training; every validation and test task is a new one. */
  trainTasks: count,
};

/** A set of pictures that is packed once: what its images become. */
export const pictureSet = {
  ...classEpisodes,
  /** Height and width of the images that the model sees, in pixels. */
  imageSide: z.int().min(8).max(512),
  /** `unit`: byte / 255. `imagenet`: then minus ImageNet's mean, over its standard deviation, per channel. */
  normalization: z.enum(["unit", "imagenet"]),
};

/** What an experiment has unless it says otherwise: 5-way 1-shot with 15 queries per class. */
export const pictureDefaults = {
  ways: 5,
  shots: 1,
  queries: 15,
  evaluationQueries: 15,
  normalization: "unit",
} as const;
