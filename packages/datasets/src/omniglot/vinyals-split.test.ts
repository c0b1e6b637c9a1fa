import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { imagesInMemory } from "../images/class-images.ts";
import { createImageSource } from "../images/image-source.ts";
import { createImageStore } from "../images/image-store.ts";
import { writeFiles } from "../testing/small-pictures.ts";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { readVinyalsSplit } from "./vinyals-split.ts";

const names = ["Angelic/character01", "Greek/character01", "Latin/character07"];
const lists = {
  "splits/vinyals/train.txt": "Greek/character01/rot000\nGreek/character01/rot090\r\n\n",
  "splits/vinyals/val.txt": "Latin/character07/rot180\nLatin/character07/rot000",
  "splits/vinyals/test.txt": "Angelic/character01/rot270\nAngelic/character01/rot000\n",
};

async function directoryWith(files: Record<string, string>): Promise<string> {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFiles(directory, files);
  return directory;
}

test("a line is a class: a character in one of four counter-clockwise quarter turns", async () => {
  const directory = await directoryWith(lists);
  expect(await readVinyalsSplit(directory, names, true)).toEqual({
    train: [1, 1],
    validation: [2, 2],
    test: [0, 0],
    turns: { train: [0, 1], validation: [2, 0], test: [3, 0] },
  });
  expect(await readVinyalsSplit(directory, names, false)).toEqual({
    train: [1],
    validation: [2],
    test: [0],
    turns: { train: [0], validation: [0], test: [0] },
  });
});

test("episodes show each class in its turn", async () => {
  const directory = await directoryWith(lists);
  // One image of 2 x 2 per character; a quarter turn counter-clockwise takes [1 2; 3 4] to [2 4; 1 3].
  const pixels = Uint8Array.of(0, 0, 0, 0, 51, 102, 153, 204, 0, 0, 0, 0);
  const parts = { recipe: "test/1", origin: "", height: 2, width: 2, examplesPerClass: 2 };
  const store = createImageStore({
    ...parts,
    classNames: names,
    pixels: Uint8Array.from(
      [0, 1, 2].flatMap((c) => [0, 1].flatMap(() => [...pixels.subarray(4 * c, 4 * c + 4)])),
    ),
  });
  const { turns, ...split } = await readVinyalsSplit(directory, names, true);
  const source = createImageSource({
    name: "omniglot",
    description: "",
    episodes: { ways: 2, shots: 1, queries: 1, evaluationQueries: 1 },
    images: imagesInMemory(store),
    split,
    turns,
    seed: 1,
  });
  const { x } = source.episode("train", 0).support;
  const rows = [x.subarray(0, 4), x.subarray(4, 8)].map((row) =>
    [...row].map((value) => Math.round(5 * value)),
  );
  expect(rows.sort((a, b) => a[0]! - b[0]!)).toEqual([
    [1, 2, 3, 4],
    [2, 4, 1, 3],
  ]);
});

test("a list that is missing, or a line that is none, is named", async () => {
  const directory = await directoryWith({
    ...lists,
    "splits/vinyals/val.txt": "\nLatin/character08/rot000\n",
  });
  await expect(readVinyalsSplit(directory, names, true)).rejects.toMatchObject({
    code: "E_DATASET_CONTENT",
    message:
      `${join(directory, "splits/vinyals/val.txt")}: line 2: expected Alphabet/characterNN/rotNNN with a character of ` +
      "Omniglot, got Latin/character08/rot000",
  });
  await rm(join(directory, "splits/vinyals/val.txt"));
  await expect(readVinyalsSplit(directory, names, true)).rejects.toMatchObject({
    code: "E_DATASET_MISSING",
    message: `omniglot: the split vinyals expects splits/vinyals/val.txt in ${directory}; name the directory that has it with --data DIR or SHOAL_OMNIGLOT_DIR`,
  });
});
