// Writes Shoal's Omniglot for another language: what curves.py draws its own episodes from.
//
//   node bench/peers/omniglot-images.mjs RUN_DIR OUT
//
// RUN_DIR holds the experiment of a run (experiment.json). OUT becomes a directory with images.u8, uint8
// [1623, 20, 28, 28] where 255 is ink, and split.json, the classes of train, validation and test.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defaultCacheDir } from "@shoal/datasets";
import { loadOmniglot } from "../../packages/datasets/dist/omniglot/load-omniglot.js";
import { splitClasses } from "../../packages/datasets/dist/split-classes.js";

const [runDir, out] = process.argv.slice(2);
if (runDir === undefined || out === undefined) throw new Error("expected RUN_DIR and OUT");
const { dataset } = JSON.parse(readFileSync(join(runDir, "experiment.json"), "utf8"));
if (dataset.source !== "omniglot" || (dataset.split ?? "seeded") !== "seeded") {
  throw new Error(`expected a run on Omniglot's seeded split, got ${JSON.stringify(dataset)}`);
}

const [store] = await loadOmniglot([dataset.pixels], {
  dataDir: null,
  cacheDir: defaultCacheDir(),
  download: false,
  onEvent: () => {},
});
const sizes = {
  train: dataset.trainClasses,
  validation: dataset.validationClasses,
  test: dataset.testClasses,
};
const split = splitClasses("omniglot", store.classNames.length, sizes, dataset.splitSeed);
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "images.u8"), store.pixels);
writeFileSync(join(out, "split.json"), JSON.stringify(split));
