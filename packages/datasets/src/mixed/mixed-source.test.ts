import { join } from "node:path";
import type { Split, TaskSource } from "@shoal/core";
import fc from "fast-check";
import sharp from "sharp";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { openTaskSource } from "../open-task-source.ts";
import { writeFiles } from "../testing/small-pictures.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import type { MixedConfig } from "./mixed-config.ts";

/** Glyphs three times as often as a folder of 15 classes of six coloured pictures each. */
const config: MixedConfig = {
  source: "mixed",
  imageSide: 28,
  channels: 1,
  normalization: "unit",
  sources: [
    { source: "glyphs", weight: 3, rotations: false },
    { source: "images", name: "squares", trainShare: 0.34, validationShare: 0.33, splitSeed: 1 },
  ],
  ways: 4,
  fewerWays: [2],
  shots: 3,
  fewerShots: [1],
  queries: 2,
  evaluationQueries: 3,
};

/** A folder per class below `squares`: as `--data` has them. */
async function writeSquares(directory: string): Promise<void> {
  const classes = Array.from({ length: 15 }, (_, c) => `class${String(c).padStart(2, "0")}`);
  for (const [c, name] of classes.entries()) {
    const files = await Promise.all(
      Array.from({ length: 6 }, async (_, i): Promise<[string, Buffer]> => {
        const background = { r: 16 * c, g: 255 - 16 * c, b: 40 * i };
        const image = sharp({ create: { width: 20, height: 20, channels: 3, background } });
        return [`squares/${name}/${i}.png`, await image.png().toBuffer()];
      }),
    );
    await writeFiles(directory, Object.fromEntries(files));
  }
}

describe("a mixture", () => {
  let directory: string;
  let source: TaskSource;
  const open = (changes: Partial<MixedConfig> = {}, tasksPerLeaf = 1): Promise<TaskSource> =>
    openTaskSource(
      { ...config, ...changes },
      { seed: 1, tasksPerLeaf, dataDir: directory, cacheDir: join(directory, "cache") },
    );

  beforeAll(async () => {
    let remove: (() => Promise<void>) | undefined;
    directory = await temporaryDirectory((end) => {
      remove = end;
    });
    await writeSquares(directory);
    source = await open();
    return () => remove!();
  }, 60_000);

  test("gives each episode the shape that it says, with labels of its own ways", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<Split>("train", "validation", "test"),
        fc.nat({ max: 1e6 }),
        (split, index) => {
          const { specs, of } = source.variants!;
          const spec = specs(split)[of(split, index)]!;
          const { support, query } = source.episode(split, index);
          const ways = spec.ways ?? 4;
          for (const [examples, shape] of [
            [support, spec.support],
            [query, spec.query],
          ] as const) {
            expect(examples.x).toHaveLength(shape.x.shape.reduce((product, side) => product * side, 1));
            expect(examples.y).toHaveLength(shape.y.shape[0]!);
            expect(new Set(examples.y)).toEqual(new Set(Array.from({ length: ways }, (_, label) => label)));
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("has all pairs of ways and shots, the largest first", () => {
    const sizes = (split: Split) =>
      source
        .variants!.specs(split)
        .map(({ ways, support, query }) => [ways, support.y.shape[0], query.x.shape]);
    // Ways x shots support examples, ways x queries query examples; 4 ways are the problem's.
    expect(sizes("train")).toEqual([
      [undefined, 12, [8, 28, 28, 1]],
      [undefined, 4, [8, 28, 28, 1]],
      [2, 6, [4, 28, 28, 1]],
      [2, 2, [4, 28, 28, 1]],
    ]);
    expect(source.spec("train")).toEqual(source.variants!.specs("train")[0]);
    expect(source.problem).toEqual({ type: "classification", ways: 4 });
  });

  test("gives the episodes of its sources, by part", async () => {
    const glyphs = await openTaskSource(
      { source: "glyphs", ways: 4, shots: 3, queries: 2, evaluationQueries: 3, rotations: false },
      { seed: 1, cacheDir: join(directory, "cache") },
    );
    const parts = new Set<string>();
    for (let index = 0; index < 60; index++) {
      const part = source.partOf!("test", index);
      parts.add(part);
      if (part !== "glyphs" || source.variants!.of("test", index) !== 0) continue;
      expect(source.episode("test", index)).toEqual(glyphs.episode("test", index));
    }
    expect(parts).toEqual(new Set(["glyphs", "squares"]));
  });

  test("opened again gives the same episodes; other weights and leaves give others, and another hash", async () => {
    const again = await open();
    expect(again.dataHash).toBe(source.dataHash);
    for (let index = 0; index < 8; index++) {
      expect(again.episode("train", index)).toEqual(source.episode("train", index));
    }
    const lighter = await open({ sources: config.sources.map((part) => ({ ...part, weight: 1 })) });
    const wider = await open({}, 4);
    expect(new Set([source, lighter, wider].map(({ dataHash }) => dataHash)).size).toBe(3);
    for (let leaf = 0; leaf < 8; leaf++) {
      const shapes = [0, 1, 2, 3].map((i) => wider.variants!.of("train", 4 * leaf + i));
      expect(new Set(shapes).size).toBe(1);
    }
  });

  test("in colour repeats what is grey, at the side that is asked for", async () => {
    const large = await open({ channels: 3, imageSide: 32, fewerWays: [], fewerShots: [] });
    expect(large.variants).toBeUndefined();
    expect(large.spec("test").query.x.shape).toEqual([12, 32, 32, 3]);
    const index = Array.from({ length: 60 }, (_, i) => i).find((i) => large.partOf!("test", i) === "glyphs")!;
    const { x } = large.episode("test", index).query;
    expect(x).toHaveLength(12 * 32 * 32 * 3);
    expect(x.some((value) => value > 0.5)).toBe(true);
    for (let i = 0; i < x.length; i += 3) expect([x[i + 1], x[i + 2]]).toEqual([x[i], x[i]]);
  });

  test("says which source cannot give its episodes", async () => {
    await expect(open({ shots: 5, fewerShots: [1] })).rejects.toMatchObject({
      code: "E_DATASET_CONFIG",
      message: expect.stringMatching(
        /shots \+ queries <= 6, the images of class class\d\d in the train split of images/,
      ),
    });
  });
});

test("two sources of own images need a folder each", async () => {
  const cacheDir = await temporaryDirectory(onTestFinished);
  const images = { source: "images", trainShare: 0.6, validationShare: 0.2, splitSeed: 1 } as const;
  const sources = [
    { ...images, name: "birds" },
    { ...images, name: "cars" },
  ];
  await expect(openTaskSource({ ...config, sources }, { seed: 1, cacheDir })).rejects.toMatchObject({
    code: "E_DATASET_CONFIG",
    message:
      "dataset.sources: expected --data DIR with a folder for each of birds, cars, got none; two sources of your " +
      "own images cannot share one folder",
  });
});
