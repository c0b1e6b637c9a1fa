import type { Episode, Examples, Split } from "@shoal/core";
import { createRandom } from "@shoal/core/outer";
import { drawWithoutReplacement } from "./draw-without-replacement.ts";
import type { ImageStore } from "./images/image-store.ts";
import { splitIndex, stream } from "./streams.ts";

/** What an episode is made of, besides its seed, split and index. */
export interface EpisodeRecipe {
  readonly store: ImageStore;
  /** Classes of the split, as indices in the store. */
  readonly classes: readonly number[];
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
  readonly rotations: boolean;
}

/** Which images an episode shows, before any pixel is touched. */
export interface EpisodeClass {
  /** Index in the store. */
  readonly classIndex: number;
  /** Counter-clockwise quarter turns, 0 ... 3, of all this class's images. */
  readonly quarterTurns: number;
  /** `shots` support examples, then `queries` query examples; all different. */
  readonly examples: readonly number[];
}

/** Adding one changes every episode; it is part of the data's hash. */
export const episodeRecipeVersion = 1;

/**
 * Draws episode `index` of `split`: `ways` classes without replacement, then for each class, in that
 * order, its rotation and its examples without replacement. A pure function of its arguments.
 */
export function drawEpisode(
  recipe: EpisodeRecipe,
  seed: number,
  split: Split,
  index: number,
): EpisodeClass[] {
  const random = createRandom(seed, stream.episode, splitIndex[split], index);
  return drawWithoutReplacement(random, recipe.ways, recipe.classes.length).map((place) => ({
    classIndex: recipe.classes[place]!,
    quarterTurns: recipe.rotations ? random.int(4) : 0,
    examples: drawWithoutReplacement(random, recipe.shots + recipe.queries, recipe.store.examplesPerClass),
  }));
}

/**
 * Builds episode `index` of `split`.
 *
 * `x` is float32 `[ways * n, height, width, 1]` in [0, 1], `y` int32 `[ways * n]`, with n = shots for
 * the support and queries for the query set. Rows are ordered by label, then by draw: label 0's n
 * examples first. Label k is the k-th class drawn, so labels say nothing about classes.
 */
export function sampleEpisode(recipe: EpisodeRecipe, seed: number, split: Split, index: number): Episode {
  const classes = drawEpisode(recipe, seed, split, index);
  return {
    support: gather(recipe.store, classes, 0, recipe.shots),
    query: gather(recipe.store, classes, recipe.shots, recipe.queries),
  };
}

function gather(store: ImageStore, classes: readonly EpisodeClass[], first: number, count: number): Examples {
  const imageSize = store.height * store.width;
  const x = new Float32Array(classes.length * count * imageSize);
  const y = new Int32Array(classes.length * count);
  let row = 0;
  classes.forEach(({ classIndex, quarterTurns, examples }, label) => {
    for (const example of examples.slice(first, first + count)) {
      const source = (classIndex * store.examplesPerClass + example) * imageSize;
      copyRotated(store, source, quarterTurns, x, row * imageSize);
      y[row] = label;
      row++;
    }
  });
  return { x, y };
}

/** Ink in [0, 1] of each uint8: the float32 nearest to byte / 255. */
const inkOfByte = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * Copies one image, turned counter-clockwise, from the store's bytes at `source` to `x` at `target`.
 *
 * A quarter turn takes the pixel at (row, column) from (column, side - 1 - row), as `numpy.rot90`:
 * its index in the source is start + row * rowStep + column * columnStep. Hot: runs once per image.
 */
function copyRotated(
  store: ImageStore,
  source: number,
  quarterTurns: number,
  x: Float32Array,
  target: number,
): void {
  const { pixels, height, width } = store;
  const last = height * width - 1;
  // start, rowStep and columnStep of 0, 1, 2 and 3 quarter turns of a square image.
  const start = [0, width - 1, last, last - (width - 1)][quarterTurns]!;
  const rowStep = [width, -1, -width, 1][quarterTurns]!;
  const columnStep = [1, width, -1, -width][quarterTurns]!;
  let to = target;
  for (let row = 0; row < height; row++) {
    let from = source + start + row * rowStep;
    for (let column = 0; column < width; column++) {
      x[to++] = inkOfByte[pixels[from]!]!;
      from += columnStep;
    }
  }
}
