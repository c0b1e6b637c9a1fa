import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DatasetConfig } from "@shoal/core";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { DatasetEvent } from "../dataset-event.ts";
import { openTaskSource } from "../open-task-source.ts";
import { prepareDataSet } from "../prepare-data-set.ts";
import {
  shortNames,
  smallFiles,
  smallPack,
  smallPixels,
  smallSide,
  writeFiles,
} from "../testing/small-pictures.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { verifyDataSet } from "../verify-data-set.ts";

const config: Extract<DatasetConfig, { source: "miniimagenet" }> = {
  source: "miniimagenet",
  normalization: "unit",
  ways: 2,
  shots: 1,
  queries: 2,
  evaluationQueries: 4,
  imageSide: smallSide,
};

let dataDir: string;
let cacheDir: string;
beforeEach(async () => {
  dataDir = await temporaryDirectory(onTestFinished);
  cacheDir = await temporaryDirectory(onTestFinished);
  await writeFiles(dataDir, await smallFiles((split, name, i) => `${shortNames[split]}/${name}/${i}.png`));
});

const openSource = (changes: Partial<typeof config> = {}, options: { dataDir?: string } = { dataDir }) =>
  openTaskSource({ ...config, ...changes }, { seed: 1, cacheDir, ...options });

describe("a set of pictures", () => {
  test("is packed once, then opened without its files", async () => {
    const events: DatasetEvent[] = [];
    const onProgress = (event: DatasetEvent) => void events.push(event);
    const [store] = await prepareDataSet(config, { dataDir, cacheDir, onProgress });
    expect(store).toMatchObject({ name: "miniimagenet", classes: 7, images: 35 });
    expect(events[0]).toMatchObject({ type: "detected", classes: 7, images: 35, path: dataDir });
    expect(events.filter(({ type }) => type === "deviation")).toContainEqual({
      type: "deviation",
      dataset: "miniimagenet",
      detail: "train: expected 64 classes with 38400 images, got 3 with 15 (n01 has 5 of 600)",
    });
    const source = await openSource();
    await rm(dataDir, { recursive: true });
    const again = await openSource({}, {});
    expect(again.dataHash).toBe(source.dataHash);
    expect(again.episode("train", 5)).toEqual(source.episode("train", 5));
    expect(source.description).toBe("miniimagenet, 12x12 colour, /255, split 3/2/2");
  });

  test("gives episodes of its split's pictures alone, in colour, byte / 255", async () => {
    const source = await openSource();
    const { classNames } = smallPack();
    const test = classNames.slice(5);
    for (let index = 0; index < 10; index++) {
      const { support, query } = source.episode("test", index);
      expect(support.x).toHaveLength(2 * 432);
      expect(query.x).toHaveLength(2 * 4 * 432);
      // One shot and four queries of each class are all its pictures, each once.
      for (const label of [0, 1]) {
        const rows = [support, query].flatMap(({ x, y }) =>
          Array.from(y.keys())
            .filter((row) => y[row] === label)
            .map((row) => x.slice(row * 432, (row + 1) * 432).join()),
        );
        const candidates = test.map((name) =>
          Array.from({ length: 5 }, (_, i) => Float32Array.from(smallPixels(name, i), (b) => b / 255).join()),
        );
        expect(candidates.map((images) => images.sort())).toContainEqual(rows.sort());
      }
    }
  });

  test("subtracts ImageNet's mean where that is asked for, which changes the data's hash", async () => {
    const unit = await openSource();
    const imagenet = await openSource({ normalization: "imagenet" });
    expect(imagenet.dataHash).not.toBe(unit.dataHash);
    const [mean, std] = [
      [0.485, 0.456, 0.406],
      [0.229, 0.224, 0.225],
    ] as const;
    const { x } = unit.episode("train", 0).support;
    const expected = Float32Array.from(x, (value, i) => {
      // The byte behind the float32.
      const byte = Math.round(255 * value);
      return (byte / 255 - mean[i % 3]!) / std[i % 3]!;
    });
    expect(imagenet.episode("train", 0).support.x).toEqual(expected);
  });

  test("refuses episodes that it cannot give, with the split and the class", async () => {
    await expect(openSource({ ways: 3 })).rejects.toMatchObject({
      code: "E_DATASET_CONFIG",
      message:
        "dataset.ways: expected at most 2, the classes in the validation split of miniimagenet; got 3; " +
        "lower the ways or give the split more classes",
    });
    await expect(openSource({ shots: 2 })).rejects.toMatchObject({
      code: "E_DATASET_CONFIG",
      message:
        "dataset: expected shots + evaluationQueries <= 5, the images of class n04 in the validation split of " +
        "miniimagenet; got 2 + 4 = 6; lower one of them",
    });
  });

  test("says that its files are nowhere, or what was looked for", async () => {
    await expect(openSource({}, {})).rejects.toMatchObject({
      code: "E_DATASET_MISSING",
      message:
        `miniimagenet: no directory was named, and nothing of 12x12 pixels is packed in ${cacheDir}; ` +
        "name the directory that has it with --data DIR or SHOAL_MINIIMAGENET_DIR",
    });
    await expect(openSource({}, { dataDir: cacheDir })).rejects.toMatchObject({
      code: "E_DATASET_MISSING",
      message: expect.stringMatching(
        /^miniimagenet: expected one of these in .*:\n {2}csv lists: .*\n {2}class folders: .*\nfound an empty directory; name the/s,
      ),
    });
  });

  test("with a class in two splits is refused: it would be trained on and tested", async () => {
    await writeFiles(dataDir, await smallFiles((_, name, i) => `test/${name}/${i}.png`));
    await expect(openSource()).rejects.toMatchObject({
      code: "E_DATASET_CONTENT",
      message: expect.stringContaining("expected every class in one split, got n01 in train and test"),
    });
  });

  test("with a picture that is none is refused by its path", async () => {
    await writeFiles(dataDir, { "val/n04/2.png": "no picture" });
    await expect(openSource()).rejects.toMatchObject({
      code: "E_DATASET_CORRUPT",
      message: expect.stringMatching(
        /val\/n04\/2\.png: expected an image, but .*; get it again, or take it out/,
      ),
    });
  });

  test("is verified by its hashes, and packed anew where they are wrong", async () => {
    const [store] = await prepareDataSet(config, { dataDir, cacheDir });
    const outcomes = async () =>
      (await verifyDataSet(config, { dataDir, cacheDir })).map(({ outcome }) => outcome);
    // Three classes of five pictures are not the published 64 of 600.
    expect(await outcomes()).toEqual(["differs", "whole"]);
    const file = await open(store!.path, "r+");
    await file.write(Uint8Array.of(255), 0, 1, 7);
    await file.close();
    expect(await outcomes()).toEqual(["differs", "faulty"]);
    const [again] = await prepareDataSet(config, { dataDir, cacheDir });
    expect(again).toEqual(store);
    expect(await outcomes()).toEqual(["differs", "whole"]);
  });

  test("in two versions has two packs, and asks which one where no files are named", async () => {
    await prepareDataSet(config, { dataDir, cacheDir });
    await rm(join(dataDir, "test/n06/4.png"));
    await prepareDataSet(config, { dataDir, cacheDir });
    expect((await readdir(cacheDir)).filter((name) => name.endsWith(".json"))).toHaveLength(2);
    await expect(openSource({}, {})).rejects.toMatchObject({
      code: "E_DATASET_MISSING",
      message: expect.stringMatching(
        /expected one packed store of 12x12 pixels, got 2:\n.*\.json, from .*\n/,
      ),
    });
  });
});
