import type { Split } from "@shoal/core";
import { describe, expect, test } from "vitest";
import { alphabetFamilies, alphabetOf, splitAlphabets } from "./alphabets.ts";
import { backgroundAlphabets } from "./omniglot/background-alphabets.ts";
import { openTaskSource } from "./open-task-source.ts";

const splits: readonly Split[] = ["train", "validation", "test"];
/** Six alphabets of 3 characters, but F has 2. */
const classNames = ["A", "B", "C", "D", "E", "F"].flatMap((alphabet) =>
  Array.from({ length: alphabet === "F" ? 2 : 3 }, (_, i) => `${alphabet}/character0${i + 1}`),
);
const sizes = { train: 3, validation: 1, test: 2 };

describe("a split by alphabets", () => {
  test("puts every character somewhere, and those of an alphabet into one split", () => {
    for (let seed = 0; seed < 20; seed++) {
      const split = splitAlphabets("test", classNames, sizes, seed);
      const all = splits.flatMap((name) => split[name]);
      expect(all.toSorted((a, b) => a - b)).toEqual([...classNames.keys()]);
      const alphabets = splits.map((name) => new Set(split[name].map((i) => alphabetOf(classNames[i]!))));
      expect(alphabets.map(({ size }) => size)).toEqual([3, 1, 2]);
      expect(new Set(alphabets.flatMap((set) => [...set])).size).toBe(6);
    }
  });

  test("is a function of its seed", () => {
    expect(splitAlphabets("test", classNames, sizes, 3)).toEqual(
      splitAlphabets("test", classNames, sizes, 3),
    );
    const distinct = new Set(
      Array.from({ length: 20 }, (_, seed) =>
        JSON.stringify(splitAlphabets("test", classNames, sizes, seed)),
      ),
    );
    expect(distinct.size).toBeGreaterThan(5);
  });

  test("takes the test alphabets that are named", () => {
    for (let seed = 0; seed < 5; seed++) {
      const { test: held } = splitAlphabets("test", classNames, sizes, seed, (name) => name >= "E");
      expect(held.map((i) => classNames[i]!.slice(0, 1))).toEqual(["E", "E", "E", "F", "F"]);
    }
  });

  test("refuses classes without alphabets", () => {
    expect(() => splitAlphabets("omniglot", ["character1", "character2"], sizes, 1)).toThrow(
      "omniglot: a split by alphabets expects its 6 published alphabets, got classes without alphabets; " +
        "take the authors' archives or folders",
    );
  });
});

test("alphabets with fewer characters than ways are named", () => {
  const split = splitAlphabets("test", classNames, sizes, 1);
  expect(() => alphabetFamilies("test", classNames, split, { ways: 3 })).toThrow(
    "dataset.ways: expected at most 2, the characters of the smallest alphabet of test, since an episode is " +
      "of one alphabet; got 3, and F has 2; lower the ways",
  );
  expect(() => alphabetFamilies("test", classNames, split, { ways: 2, trainWays: 7 })).toThrow(
    /^dataset\.trainWays: expected at most \d, the characters of the smallest alphabet of test, .*; got 7, and /,
  );
  const families = alphabetFamilies("test", classNames, split, { ways: 2 });
  expect(splits.flatMap((name) => families[name].map((family) => family.name)).toSorted()).toEqual([
    "A",
    "B",
    "C",
    "D",
    "E",
    "F",
  ]);
  for (const { name, places } of families.test) {
    expect(places.map((place) => alphabetOf(classNames[split.test[place]!]!))).toEqual(
      places.map(() => name),
    );
  }
});

test("there are 30 background alphabets", () => {
  expect(backgroundAlphabets.size).toBe(30);
});

const config = {
  source: "glyphs",
  ways: 20,
  shots: 1,
  queries: 1,
  evaluationQueries: 1,
  rotations: false,
} as const;

test("the classes of a training episode are of one family of identities", async () => {
  const source = await openTaskSource({ ...config, ways: 5, families: "alphabet" }, { seed: 1 });
  expect(source.identities!.familySizes).toEqual(new Array(35).fill(20));
  const families = new Set<number>();
  for (let index = 0; index < 50; index++) {
    const of = new Set(Array.from(source.episode("train", index).identities!, (id) => Math.floor(id / 20)));
    expect(of.size).toBe(1);
    families.add([...of][0]!);
  }
  expect(families.size).toBeGreaterThan(20);
});

test("glyphs come by alphabets too, with a hash and a description of their own", async () => {
  const within = await openTaskSource({ ...config, families: "alphabet" }, { seed: 1 });
  const among = await openTaskSource(config, { seed: 1 });
  expect(within.dataHash).not.toBe(among.dataHash);
  expect(within.description).toContain("split 35/5/10 alphabets, each episode within one");
  expect(within.episode("test", 0).support.x).toHaveLength(20 * 28 * 28);
  const refused = openTaskSource({ ...config, families: "alphabet", ways: 21 }, { seed: 1 });
  await expect(refused).rejects.toMatchObject({
    code: "E_DATASET_CONFIG",
    message: expect.stringContaining("got 21, and alphabet01 has 20, alphabet02 has 20") as unknown,
  });
});
