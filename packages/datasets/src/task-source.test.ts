import type { DatasetConfig, Examples, ExamplesSpec, Split, TaskSource } from "@shoal/core";
import { beforeAll, describe, expect, test } from "vitest";
import { openTaskSource } from "./open-task-source.ts";

/** What every task source promises; Omniglot needs its files, see `omniglot/omniglot.test.ts`. */
const configs: readonly DatasetConfig[] = [
  { source: "sinusoid", shots: 4, queries: 3, evaluationQueries: 5 },
  { source: "linear", shots: 4, queries: 3, evaluationQueries: 5, trainTasks: 1000 },
  { source: "binary", shots: 4, queries: 3, evaluationQueries: 5, trainTasks: 1000 },
  { source: "glyphs", ways: 5, shots: 2, queries: 3, evaluationQueries: 4, rotations: true },
  {
    source: "glyphs",
    ways: 5,
    shots: 2,
    queries: 3,
    evaluationQueries: 4,
    rotations: false,
    families: "alphabet",
  },
  { source: "glyphs", ways: 20, shots: 1, queries: 1, evaluationQueries: 1, rotations: false },
];
const splits: readonly Split[] = ["train", "validation", "test"];

describe.each(configs)("$source", (config) => {
  let source: TaskSource;
  beforeAll(async () => {
    source = await openTaskSource(config, { seed: 1 });
  });

  test("episodes have the shapes and types of their spec", () => {
    for (const split of splits) {
      const spec = source.spec(split);
      const { support, query } = source.episode(split, 0);
      expectShapes(support, spec.support);
      expectShapes(query, spec.query);
    }
  });

  test("training and evaluation episodes differ in their queries alone", () => {
    expect(source.spec("validation")).toEqual(source.spec("test"));
    expect(source.spec("train").support).toEqual(source.spec("test").support);
    const perClass = classesOf(config);
    expect(source.spec("train").query.x.shape[0]).toBe(config.queries * perClass);
    expect(source.spec("test").query.x.shape[0]).toBe(config.evaluationQueries * perClass);
  });

  test("train shots change the support sets of training, and of nothing else", async () => {
    const more = await openTaskSource({ ...config, trainShots: config.shots + 2 } as DatasetConfig, {
      seed: 1,
    });
    const perClass = classesOf(config);
    expect(more.spec("train").support.x.shape[0]).toBe((config.shots + 2) * perClass);
    expectShapes(more.episode("train", 5).support, more.spec("train").support);
    expect(more.spec("train").query).toEqual(source.spec("train").query);
    expect(more.spec("test")).toEqual(source.spec("test"));
    expect(more.episode("test", 5)).toEqual(source.episode("test", 5));
    expect(more.dataHash).not.toBe(source.dataHash);
  });

  test.runIf("ways" in config)("train ways change the episodes of training, and no others", async () => {
    const more = await openTaskSource({ ...config, trainWays: 8 } as DatasetConfig, { seed: 1 });
    const { support, query, ways } = more.spec("train");
    expect(ways).toBe(8);
    expect(support.x.shape[0]).toBe(8 * config.shots);
    expect(query.y.shape[0]).toBe(8 * config.queries);
    const episode = more.episode("train", 5);
    expectShapes(episode.support, support);
    expectShapes(episode.query, query);
    expect(new Set(episode.query.y).size).toBe(8);
    expect(more.spec("test")).toEqual(source.spec("test"));
    expect(more.episode("test", 5)).toEqual(source.episode("test", 5));
    expect(more.problem).toEqual(source.problem);
    expect(more.dataHash).not.toBe(source.dataHash);
  });

  test("an episode is a function of the seed, split and index", async () => {
    const again = await openTaskSource(config, { seed: 1 });
    const other = await openTaskSource(config, { seed: 2 });
    for (const split of splits) {
      expect(again.episode(split, 41)).toEqual(source.episode(split, 41));
      expect(other.episode(split, 41)).not.toEqual(source.episode(split, 41));
      expect(source.episode(split, 42)).not.toEqual(source.episode(split, 41));
    }
  });

  test("training episodes say what each output stands for, where something comes again; others do not", () => {
    const { identities, problem } = source;
    expect(source.episode("test", 0).identities).toBeUndefined();
    if (identities === undefined) {
      expect(source.episode("train", 0).identities).toBeUndefined();
      return;
    }
    const count = identities.familySizes.reduce((sum, size) => sum + size, 0);
    const seen = new Set<number>();
    for (let index = 0; index < 20; index++) {
      const own = [...source.episode("train", index).identities!];
      expect(own).toHaveLength(
        problem.type === "regression" ? problem.outputs : problem.type === "binary" ? 1 : problem.ways,
      );
      expect(new Set(own).size).toBe(own.length);
      for (const identity of own) {
        expect(identity).toBeGreaterThanOrEqual(0);
        expect(identity).toBeLessThan(count);
        seen.add(identity);
      }
    }
    expect(seen.size).toBeGreaterThan(10);
  });

  test("the receiver owns the arrays", () => {
    const first = source.episode("train", 3);
    first.support.x.fill(7);
    expect(source.episode("train", 3)).not.toEqual(first);
  });

  test("the data's hash is the same at another seed, and another with other options", async () => {
    expect(source.dataHash).toMatch(/^[0-9a-f]{64}$/);
    expect((await openTaskSource(config, { seed: 2 })).dataHash).toBe(source.dataHash);
    const more = await openTaskSource({ ...config, shots: config.shots + 1 }, { seed: 1 });
    expect(more.dataHash).not.toBe(source.dataHash);
  });

  test("an index is a non-negative integer", () => {
    expect(() => source.episode("train", -1)).toThrow(RangeError);
    expect(() => source.episode("train", 0.5)).toThrow(RangeError);
  });
});

function classesOf(config: DatasetConfig): number {
  if ("ways" in config) return config.ways;
  return config.source === "binary" ? 2 : 1;
}

function expectShapes(examples: Examples, spec: ExamplesSpec): void {
  for (const name of ["x", "y"] as const) {
    const size = spec[name].shape.reduce((product, side) => product * side, 1);
    expect(examples[name]).toHaveLength(size);
    expect(examples[name]).toBeInstanceOf(spec[name].dtype === "int32" ? Int32Array : Float32Array);
  }
}

describe("episodes that the data cannot give are expectRefused before anything is read:", () => {
  const glyphs = {
    source: "glyphs",
    ways: 5,
    shots: 1,
    queries: 1,
    evaluationQueries: 1,
    rotations: true,
  } as const;
  const omniglot = {
    ...glyphs,
    source: "omniglot",
    pixels: "binary",
    trainClasses: 1100,
    validationClasses: 100,
    testClasses: 423,
    splitSeed: 1,
  } as const;
  const expectRefused = (config: DatasetConfig, message: string) =>
    expect(openTaskSource(config, { seed: 1, dataDir: "/nowhere" })).rejects.toMatchObject({
      name: "ShoalError",
      code: "E_DATASET_CONFIG",
      message,
    });

  test("more ways than a split has characters", async () => {
    await expectRefused(
      { ...glyphs, ways: 101 },
      "dataset.ways: expected at most 100, the characters in the validation split of glyphs; got 101; " +
        "lower the ways or give the split more characters",
    );
    await expectRefused(
      { ...omniglot, ways: 424, validationClasses: 424, trainClasses: 776 },
      "dataset.ways: expected at most 423, the characters in the test split of omniglot; got 424; " +
        "lower the ways or give the split more characters",
    );
  });

  test("more shots and queries than a character has examples", async () => {
    await expectRefused(
      { ...glyphs, shots: 10, evaluationQueries: 11 },
      "dataset: expected shots + evaluationQueries <= 20, the examples of each character of glyphs; " +
        "got 10 + 11 = 21; lower one of them",
    );
    await expectRefused(
      { ...omniglot, shots: 20 },
      "dataset: expected shots + queries <= 20, the examples of each character of omniglot; " +
        "got 20 + 1 = 21; lower one of them",
    );
  });

  test("more characters than Omniglot has", async () => {
    await expectRefused(
      { ...omniglot, testClasses: 424 },
      "dataset: expected trainClasses + validationClasses + testClasses <= 1623, the characters of omniglot; " +
        "got 1100 + 100 + 424 = 1624; lower one of them",
    );
  });
});
