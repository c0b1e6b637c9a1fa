import type { Episode, Examples, Split } from "@shoal/core";
import { createRandom } from "@shoal/core/outer";
import type { Family } from "./alphabets.ts";
import { drawWithoutReplacement } from "./draw-without-replacement.ts";
import type { ClassImages } from "./images/class-images.ts";
import { splitIndex, stream } from "./streams.ts";

/** What an episode is made of, besides its seed, split and index. */
export interface EpisodeRecipe {
  readonly images: ClassImages;
  /** Float32 of each byte, `tables[channel][byte]`. */
  readonly tables: readonly Float32Array[];
  /** Classes of the split, as indices in `images`. */
  readonly classes: readonly number[];
  /** Quarter turns of each of `classes`, where they are part of the class. */
  readonly turns?: readonly number[] | undefined;
  /** An episode's classes are then all of one of these; each has at least `ways`. */
  readonly families?: readonly Family[] | undefined;
  readonly ways: number;
  readonly shots: number;
  readonly queries: number;
  readonly rotations: boolean;
  /** What the classes stand for in training; null: nothing is told. */
  readonly identityOf?: ((place: number, quarterTurns: number) => number) | null;
}

/** Which images an episode shows, before any pixel is touched. */
export interface EpisodeClass {
  /** Place in the recipe's classes. */
  readonly place: number;
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
 * Draws episode `index` of `split`: the family, all equally likely, where there are families; `ways` classes
 * without replacement; then for each class, in that order, its rotation and its examples without
 * replacement. A pure function of its arguments.
 */
export function drawEpisode(
  recipe: EpisodeRecipe,
  seed: number,
  split: Split,
  index: number,
): EpisodeClass[] {
  const random = createRandom(seed, stream.episode, splitIndex[split], index);
  const { images, turns, families, shots, queries } = recipe;
  const family = families === undefined ? undefined : families[random.int(families.length)]!.places;
  const classCount = family?.length ?? recipe.classes.length;
  return drawWithoutReplacement(random, recipe.ways, classCount).map((drawn) => {
    const place = family?.[drawn] ?? drawn;
    const classIndex = recipe.classes[place]!;
    return {
      place,
      classIndex,
      quarterTurns: recipe.rotations ? random.int(4) : (turns?.[place] ?? 0),
      examples: drawWithoutReplacement(random, shots + queries, images.imageCount(classIndex)),
    };
  });
}

/**
 * Builds episode `index` of `split`.
 *
 * `x` is float32 `[ways * n, height, width, channels]`, `y` int32 `[ways * n]`, with n = shots for the
 * support and queries for the query set. Rows are ordered by label, then by draw: label 0's n examples
 * first. Label k is the k-th class drawn, so labels say nothing about classes.
 */
export function sampleEpisode(recipe: EpisodeRecipe, seed: number, split: Split, index: number): Episode {
  const classes = drawEpisode(recipe, seed, split, index);
  const { identityOf = null } = recipe;
  return {
    support: gather(recipe, classes, 0, recipe.shots),
    query: gather(recipe, classes, recipe.shots, recipe.queries),
    ...(identityOf === null
      ? {}
      : {
          identities: Int32Array.from(classes, ({ place, quarterTurns }) => identityOf(place, quarterTurns)),
        }),
  };
}

function gather(
  { images, tables }: EpisodeRecipe,
  classes: readonly EpisodeClass[],
  first: number,
  count: number,
): Examples {
  const { height, width, channels } = images;
  const imageSize = height * width * channels;
  const x = new Float32Array(classes.length * count * imageSize);
  const y = new Int32Array(classes.length * count);
  let row = 0;
  classes.forEach(({ classIndex, quarterTurns, examples }, label) => {
    for (const example of examples.slice(first, first + count)) {
      const bytes = images.image(classIndex, example);
      const target = x.subarray(row * imageSize, (row + 1) * imageSize);
      if (quarterTurns !== 0) copyRotated(bytes, width, quarterTurns, tables[0]!, target);
      else if (channels === 1) copyGrey(bytes, tables[0]!, target);
      else copyChannels(bytes, tables, target);
      y[row] = label;
      row++;
    }
  });
  return { x, y };
}

/** Hot: runs once per image. */
function copyGrey(bytes: Uint8Array, table: Float32Array, target: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = table[bytes[i]!]!;
}

/** Hot: runs once per image; about 2 ms per episode of 80 images of 84 x 84 x 3. */
function copyChannels(bytes: Uint8Array, tables: readonly Float32Array[], target: Float32Array): void {
  const [red, green, blue] = tables as [Float32Array, Float32Array, Float32Array];
  for (let i = 0; i < target.length; i += 3) {
    target[i] = red[bytes[i]!]!;
    target[i + 1] = green[bytes[i + 1]!]!;
    target[i + 2] = blue[bytes[i + 2]!]!;
  }
}

/**
 * Copies one square grey image, turned counter-clockwise.
 *
 * A quarter turn takes the pixel at (row, column) from (column, side - 1 - row), as `numpy.rot90`:
 * its index in the source is start + row * rowStep + column * columnStep. Hot: runs once per image.
 */
function copyRotated(
  bytes: Uint8Array,
  side: number,
  quarterTurns: number,
  table: Float32Array,
  target: Float32Array,
): void {
  const last = side * side - 1;
  // start, rowStep and columnStep of 0, 1, 2 and 3 quarter turns.
  const start = [0, side - 1, last, last - (side - 1)][quarterTurns]!;
  const rowStep = [side, -1, -side, 1][quarterTurns]!;
  const columnStep = [1, side, -1, -side][quarterTurns]!;
  let to = 0;
  for (let row = 0; row < side; row++) {
    let from = start + row * rowStep;
    for (let column = 0; column < side; column++) {
      target[to++] = table[bytes[from]!]!;
      from += columnStep;
    }
  }
}
