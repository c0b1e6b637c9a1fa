/** The three disjoint parts of a data set. Meta-training draws from `train` only. */
export type Split = "train" | "validation" | "test";

export interface ArraySpec {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32";
}

export interface ExamplesSpec {
  readonly x: ArraySpec;
  readonly y: ArraySpec;
}

/** Shapes of every episode of one split; all have the same, but those of a source with `variants`. */
export interface EpisodeSpec {
  readonly support: ExamplesSpec;
  readonly query: ExamplesSpec;
  /** Classes of each episode; absent: the problem's ways. */
  readonly ways?: number;
}

/**
 * Labelled examples, row-major.
 *
 * `x` is float32 `[n, ...example]`. `y` is int32 `[n]`, a class from 0 to ways - 1 for classification, 0 or
 * 1 for binary classification, and float32 `[n, outputs]` for regression.
 */
export interface Examples {
  readonly x: Float32Array;
  readonly y: Float32Array | Int32Array;
}

/** One task: adapt on `support`, measure on `query`. The receiver owns the arrays. */
export interface Episode {
  readonly support: Examples;
  readonly query: Examples;
  /**
   * int32 `[outputs]`, in training episodes of sources with `identities`: which of them each of the model's
   * outputs is in this episode.
   */
  readonly identities?: Int32Array;
}

/**
 * What comes again from training episode to training episode: the classes of a data set, or the tasks of a
 * finite set, numbered family by family. A task of a family tells its classes apart, and no others.
 */
export interface Identities {
  /** How many there are in each family; their sum is how many there are. */
  readonly familySizes: readonly number[];
}

/** What a task asks for; it decides the loss and the size of the model's output. */
export type Problem =
  | { readonly type: "classification"; readonly ways: number }
  /** Two classes that one logit tells apart: class 1 where it is above 0. */
  | { readonly type: "binary" }
  | { readonly type: "regression"; readonly outputs: number };

/** How many numbers the model gives for an example. */
export function outputsOf(problem: Problem): number {
  switch (problem.type) {
    case "classification":
      return problem.ways;
    case "binary":
      return 1;
    case "regression":
      return problem.outputs;
  }
}

/** What episodes of such a shape ask for: the problem, with the classes that they have. */
export function problemOf(problem: Problem, { ways }: EpisodeSpec): Problem {
  return problem.type === "classification" && ways !== undefined ? { ...problem, ways } : problem;
}

/** What is measured of a problem's outputs, beside the loss. */
export function hasAccuracy(problem: Problem): boolean {
  return problem.type !== "regression";
}

/** Episodes of several shapes: all of a leaf have the same, since one graph computes them. */
export interface Variants {
  /** Every shape that episodes of a split may have. */
  specs(split: Split): readonly EpisodeSpec[];
  /** The place among them of episode `index`: a pure function, as the episode is. */
  of(split: Split, index: number): number;
}

/**
 * A distribution over tasks, addressable by index.
 *
 * `episode(split, index)` is a pure function of the source's seed, `split` and `index`: every
 * worker that holds the same data builds the same bytes, so only indices travel.
 */
export interface TaskSource {
  readonly name: string;
  readonly problem: Problem;
  /** What outputs of training episodes stand for; none where nothing comes again. */
  readonly identities?: Identities;
  /** Hash (hex) of everything an episode depends on besides seed and index: data, split, options. */
  readonly dataHash: string;
  /** One line that says which data, split and preprocessing this is, for the protocol line. */
  readonly description: string;
  spec(split: Split): EpisodeSpec;
  /** Where episodes have several shapes; `spec` is then the first of them, which is the largest. */
  readonly variants?: Variants;
  /** The part of the source that an episode belongs to, where it has parts: scores are told for each. */
  readonly partOf?: (split: Split, index: number) => string;
  /** Builds one episode. `index` is an integer >= 0. */
  episode(split: Split, index: number): Episode;
}
