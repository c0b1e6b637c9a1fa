import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { temporaryDirectory } from "../testing/temporary-directory.ts";
import { locateOmniglot } from "./locate.ts";

test("archives and folders are found, directly or below omniglot-py, archives first", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  const below = join(directory, "omniglot-py");
  await mkdir(join(below, "images_background"), { recursive: true });
  await mkdir(join(below, "images_evaluation"));
  const find = async () => (await locateOmniglot(directory)).map(({ type, path }) => [type, path]);
  expect(await find()).toEqual([
    ["folder", join(below, "images_background")],
    ["folder", join(below, "images_evaluation")],
  ]);
  await writeFile(join(below, "images_background.zip"), "");
  await writeFile(join(directory, "images_evaluation.zip"), "");
  expect(await find()).toEqual([
    ["archive", join(below, "images_background.zip")],
    ["archive", join(directory, "images_evaluation.zip")],
  ]);
});

test("what is missing is said, with what is there and how to get it", async () => {
  const directory = await temporaryDirectory(onTestFinished);
  await writeFile(join(directory, "images_background.zip"), "");
  await expect(locateOmniglot(directory)).rejects.toMatchObject({
    code: "E_DATASET_MISSING",
    message:
      `omniglot: expected images_evaluation.zip or images_evaluation/ in ${directory} (or in its omniglot-py/); ` +
      "found images_background.zip; get it with `npx shoal data prepare omniglot --download`, or name the directory that has " +
      "it with --data DIR or SHOAL_OMNIGLOT_DIR",
  });
  await expect(locateOmniglot(join(directory, "nowhere"))).rejects.toThrow("found no such directory");
  await expect(locateOmniglot(join(directory, "images_background.zip"))).rejects.toThrow(
    "found a file of that name",
  );
});
