import fc from "fast-check";
import { expect, test } from "vitest";
import { imagesInMemory } from "./images/class-images.ts";
import { createImageStore } from "./images/image-store.ts";
import { normalizationTables } from "./images/normalization.ts";
import { drawEpisode, type EpisodeRecipe, sampleEpisode } from "./sample-episode.ts";

const side = 3;
/** 40 classes x 20 examples of 3 x 3 pixels that differ from image to image. */
const store = createImageStore({
  recipe: "test/1",
  origin: "test",
  height: side,
  width: side,
  examplesPerClass: 20,
  classNames: Array.from({ length: 40 }, (_, i) => `class${i}`),
  pixels: Uint8Array.from({ length: 40 * 20 * side * side }, (_, i) => (i * 7919) % 251),
});
const recipe: EpisodeRecipe = {
  images: imagesInMemory(store),
  tables: normalizationTables("unit", 1),
  classes: [3, 1, 4, 15, 9, 2, 6, 5, 35, 8],
  ways: 5,
  shots: 2,
  queries: 3,
  rotations: true,
};

/** A counter-clockwise quarter turn, from its definition: column j becomes row side - 1 - j. */
function turn(image: readonly number[]): number[] {
  const turned = new Array<number>(image.length);
  for (let i = 0; i < side; i++) {
    for (let j = 0; j < side; j++) turned[(side - 1 - j) * side + i] = image[i * side + j]!;
  }
  return turned;
}

function imageOf(classIndex: number, example: number, quarterTurns: number): number[] {
  const start = (classIndex * 20 + example) * side * side;
  let image = [...store.pixels.subarray(start, start + side * side)];
  for (let i = 0; i < quarterTurns; i++) image = turn(image);
  return image.map((byte) => Math.fround(byte / 255));
}

test("a draw has different classes of the split and different examples of each", () => {
  fc.assert(
    fc.property(
      fc.nat(0xffff_ffff),
      fc.constantFrom("train", "validation", "test"),
      fc.nat(1_000_000),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 10 }),
      (seed, split, index, ways, shots, queries) => {
        const drawn = drawEpisode({ ...recipe, ways, shots, queries }, seed, split, index);
        expect(drawn).toHaveLength(ways);
        expect(new Set(drawn.map(({ classIndex }) => classIndex)).size).toBe(ways);
        for (const { classIndex, examples, quarterTurns } of drawn) {
          expect(recipe.classes).toContain(classIndex);
          expect(examples).toHaveLength(shots + queries);
          expect(new Set(examples).size).toBe(shots + queries);
          expect(examples.every((example) => example >= 0 && example < 20)).toBe(true);
          expect([0, 1, 2, 3]).toContain(quarterTurns);
        }
      },
    ),
  );
});

test("rows are ordered by label, then by draw, and hold the turned images", () => {
  for (let index = 0; index < 20; index++) {
    const drawn = drawEpisode(recipe, 1, "train", index);
    const { support, query } = sampleEpisode(recipe, 1, "train", index);
    expect([...support.y]).toEqual([0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
    expect([...query.y]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
    const images = (first: number, count: number) =>
      drawn.flatMap(({ classIndex, examples, quarterTurns }) =>
        examples.slice(first, first + count).flatMap((example) => imageOf(classIndex, example, quarterTurns)),
      );
    expect([...support.x]).toEqual(images(0, 2));
    expect([...query.x]).toEqual(images(2, 3));
  }
});

test("an episode is a function of seed, split and index, whatever was drawn before", () => {
  const late = sampleEpisode(recipe, 5, "test", 1000);
  for (let index = 0; index < 10; index++) sampleEpisode(recipe, 5, "test", index);
  expect(sampleEpisode(recipe, 5, "test", 1000)).toEqual(late);
  expect(sampleEpisode(recipe, 6, "test", 1000)).not.toEqual(late);
  expect(sampleEpisode(recipe, 5, "test", 1001)).not.toEqual(late);
  expect(sampleEpisode(recipe, 5, "validation", 1000)).not.toEqual(late);
});

test("without rotations nothing is turned", () => {
  for (let index = 0; index < 50; index++) {
    const drawn = drawEpisode({ ...recipe, rotations: false }, 1, "train", index);
    expect(drawn.every(({ quarterTurns }) => quarterTurns === 0)).toBe(true);
  }
});

// 4,000 episodes x 5 of 10 classes: 5,000 of each turn, 2,000 of each class, and each class 400 times first.
// Chi-square at 0.001: 16.3 (3 degrees of freedom), 27.9 (9).
test("turns, classes and labels are uniform", () => {
  const turns = new Array<number>(4).fill(0);
  const classes = new Map<number, number>();
  const first = new Map<number, number>();
  for (let index = 0; index < 4000; index++) {
    const drawn = drawEpisode(recipe, 3, "train", index);
    first.set(drawn[0]!.classIndex, (first.get(drawn[0]!.classIndex) ?? 0) + 1);
    for (const { classIndex, quarterTurns } of drawn) {
      turns[quarterTurns]!++;
      classes.set(classIndex, (classes.get(classIndex) ?? 0) + 1);
    }
  }
  const chiSquare = (counts: readonly number[], expected: number) =>
    counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquare(turns, 5000)).toBeLessThan(16.3);
  expect(chiSquare([...classes.values()], 2000)).toBeLessThan(27.9);
  expect(chiSquare([...first.values()], 400)).toBeLessThan(27.9);
});

test("with families, all classes of a draw are of one family, and every family is drawn", () => {
  const families = [
    { name: "odd", places: [0, 1, 3, 4, 6, 8] },
    { name: "even", places: [2, 5, 7, 9] },
  ];
  const drawn = new Set<string>();
  for (let index = 0; index < 50; index++) {
    const classes = drawEpisode({ ...recipe, families, ways: 4 }, 1, "train", index);
    const of = families.filter(({ places }) =>
      classes.every(({ classIndex }) => places.some((place) => recipe.classes[place] === classIndex)),
    );
    expect(of).toHaveLength(1);
    expect(new Set(classes.map(({ classIndex }) => classIndex)).size).toBe(4);
    drawn.add(of[0]!.name);
  }
  expect(drawn.size).toBe(2);
});
