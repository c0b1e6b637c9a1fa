import type { Split } from "@shoal/core";
import { createRandom, ShoalError } from "@shoal/core/outer";
import { type ImageEpisodes, waysOf } from "./images/image-episodes.ts";
import { compareText } from "./omniglot/image-files.ts";
import type { ClassSplit, SplitSizes } from "./split-classes.ts";
import { stream } from "./streams.ts";

/** Classes that an episode may draw together. */
export interface Family {
  readonly name: string;
  /** Places in the split's list of classes. */
  readonly places: readonly number[];
}

/** The families of each split, sorted by name. */
export type Families = Readonly<Record<Split, readonly Family[]>>;

/** The alphabet of `Greek/character01`. */
export function alphabetOf(className: string): string {
  return className.slice(0, Math.max(0, className.lastIndexOf("/")));
}

/**
 * Parts classes by alphabets: those of an alphabet are all in one split.
 *
 * The sorted names of the alphabets are shuffled once by `splitSeed`; the first are for training, the next
 * for validation, the next for test. With `testAlphabets` the test's are these and the rest is shuffled.
 *
 * @param sizes alphabets per split, that add up to what there is
 * @throws {ShoalError} E_DATASET_CONTENT if the classes have no alphabets, or other ones
 */
export function splitAlphabets(
  dataset: string,
  classNames: readonly string[],
  sizes: SplitSizes,
  splitSeed: number,
  isForTest?: (alphabet: string) => boolean,
): ClassSplit {
  const names = [...new Set(classNames.map(alphabetOf))].toSorted(compareText);
  const fixed = isForTest === undefined ? [] : names.filter(isForTest);
  const rest = names.filter((name) => !fixed.includes(name));
  const wanted = sizes.train + sizes.validation + sizes.test;
  if (names.length !== wanted || (isForTest !== undefined && fixed.length !== sizes.test)) {
    const which = isForTest === undefined ? "" : ` (${sizes.test} of them for test)`;
    const came = names.length === 1 && names[0] === "" ? "classes without alphabets" : `${names.length}`;
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${dataset}: a split by alphabets expects its ${wanted} published alphabets${which}, got ${came}; ` +
        "take the authors' archives or folders",
    );
  }
  const shuffled = [...createRandom(splitSeed, stream.split).shuffle(rest), ...fixed];
  const splitOf = new Map<string, Split>();
  shuffled.forEach((name, i) => {
    splitOf.set(name, i < sizes.train ? "train" : i < sizes.train + sizes.validation ? "validation" : "test");
  });
  const classesOf = (split: Split): readonly number[] =>
    Array.from(classNames.keys()).filter((i) => splitOf.get(alphabetOf(classNames[i]!)) === split);
  return { train: classesOf("train"), validation: classesOf("validation"), test: classesOf("test") };
}

/**
 * Each alphabet of each split as a family of its own.
 *
 * @throws {ShoalError} E_DATASET_CONFIG that names the alphabets with fewer characters than ways
 */
export function alphabetFamilies(
  dataset: string,
  classNames: readonly string[],
  split: ClassSplit,
  episodes: Pick<ImageEpisodes, "ways" | "trainWays">,
): Families {
  const familiesOf = (classes: readonly number[]): readonly Family[] => {
    const places = new Map<string, number[]>();
    classes.forEach((classIndex, place) => {
      const name = alphabetOf(classNames[classIndex]!);
      places.set(name, [...(places.get(name) ?? []), place]);
    });
    return [...places]
      .map(([name, of]) => ({ name, places: of }))
      .toSorted((a, b) => compareText(a.name, b.name));
  };
  const families: Families = {
    train: familiesOf(split.train),
    validation: familiesOf(split.validation),
    test: familiesOf(split.test),
  };
  for (const name of ["ways", "trainWays"] as const) {
    const splits = (["train", "validation", "test"] as const).filter(
      (split) => waysOf(episodes, split).name === name,
    );
    const affected = splits.flatMap((split) => families[split]);
    checkFamilies(dataset, affected, name, episodes[name]!);
  }
  return families;
}

function checkFamilies(
  dataset: string,
  families: readonly Family[],
  name: "ways" | "trainWays",
  ways: number,
): void {
  const small = families
    .filter(({ places }) => places.length < ways)
    .toSorted((a, b) => compareText(a.name, b.name));
  if (small.length === 0) return;
  const most = Math.min(...families.map(({ places }) => places.length));
  throw new ShoalError(
    "E_DATASET_CONFIG",
    `dataset.${name}: expected at most ${most}, the characters of the smallest alphabet of ${dataset}, since an episode is ` +
      `of one alphabet; got ${ways}, and ` +
      `${describeSizes(small)}; lower the ways`,
  );
}

/** More families than these are told in part. */
const namedFamilies = 8;

function describeSizes(families: readonly Family[]): string {
  const named = families.slice(0, namedFamilies).map(({ name, places }) => `${name} has ${places.length}`);
  const others = families.length - named.length;
  return `${named.join(", ")}${others === 0 ? "" : ` and ${others} others have fewer than the ways, too`}`;
}
