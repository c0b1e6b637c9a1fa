// Makes a MiniImageNet-shaped set (100 classes of 600 JPEGs of 84 x 84), packs it with `shoal data prepare`, and
// times episodes of 5 ways, 1 shot and 15 queries. Prints one line of JSON.
//
//   node bench/picture-set.mjs DIR [--images 600] [--episodes 500] [--keep]
//
// DIR is made, needs about 1.6 GB, and is removed at the end unless --keep is said.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { datasetDefaults } from "@shoal/core";
import { createRandom } from "@shoal/core/outer";
import { openTaskSource } from "@shoal/datasets";
import sharp from "sharp";

const side = 84;
const splits = { train: 64, val: 16, test: 20 };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: "string", default: "600" },
    episodes: { type: "string", default: "500" },
    keep: { type: "boolean", default: false },
  },
});
const [directory] = positionals;
if (directory === undefined) throw new Error("expected a directory to make, got none");
const imagesPerClass = Number(values.images);
const dataDir = join(directory, "miniimagenet");
const cacheDir = join(directory, "cache");

/** A picture of smooth random colours with some noise: as large as a JPEG of a photograph, about 3 KB. */
async function picture(seed) {
  const random = createRandom(seed);
  const coarse = Buffer.from(Array.from({ length: 8 * 8 * 3 }, () => random.int(256)));
  return sharp(coarse, { raw: { width: 8, height: 8, channels: 3 } })
    .resize(side, side, { kernel: "cubic" })
    .jpeg({ quality: 90 })
    .toBuffer();
}

async function makeSet() {
  let seed = 0;
  for (const [split, classes] of Object.entries(splits)) {
    for (let c = 0; c < classes; c++) {
      const name = `n${split}${String(c).padStart(3, "0")}`;
      const folder = join(dataDir, split, name);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < imagesPerClass; i += 50) {
        const count = Math.min(50, imagesPerClass - i);
        const pictures = await Promise.all(Array.from({ length: count }, () => picture(seed++)));
        for (const [k, bytes] of pictures.entries())
          writeFileSync(join(folder, `${name}_${i + k}.jpg`), bytes);
      }
    }
  }
}

/** Runs `shoal data prepare`; its largest memory, sampled ten times a second. */
async function prepare() {
  const script = fileURLToPath(new URL("../packages/cli/bin/shoal.js", import.meta.url));
  const startMs = performance.now();
  const child = spawn(
    process.execPath,
    [script, "data", "prepare", "miniimagenet", "--data", dataDir, "--cache-dir", cacheDir],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  let peakRssMb = 0;
  const sampling = setInterval(() => {
    const status = readStatus(child.pid);
    peakRssMb = Math.max(peakRssMb, Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  }, 100);
  const [code] = await once(child, "exit");
  clearInterval(sampling);
  if (code !== 0) throw new Error(`shoal data prepare ended with ${code}`);
  return { seconds: round((performance.now() - startMs) / 1000), peakRssMb: round(peakRssMb) };
}

function readStatus(pid) {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

async function timeEpisodes() {
  const config = { ...datasetDefaults("miniimagenet"), ways: 5, shots: 1, queries: 15 };
  const openMs = performance.now();
  const source = await openTaskSource(config, { seed: 1, cacheDir });
  const firstMs = performance.now();
  source.episode("train", 0);
  const startMs = performance.now();
  const count = Number(values.episodes);
  for (let index = 1; index <= count; index++) source.episode("train", index);
  const seconds = (performance.now() - startMs) / 1000;
  // Every class was hashed by now.
  const warmMs = performance.now();
  for (let index = 1; index <= count; index++) source.episode("train", index);
  const warmSeconds = (performance.now() - warmMs) / 1000;
  return {
    openMs: round(firstMs - openMs),
    firstEpisodeMs: round(startMs - firstMs),
    episodesPerSecond: round(count / seconds),
    episodesPerSecondVerified: round(count / warmSeconds),
    rssMb: round(process.memoryUsage.rss() / 2 ** 20),
  };
}

function round(value) {
  return Number(value.toPrecision(3));
}

try {
  const startMs = performance.now();
  await makeSet();
  const made = round((performance.now() - startMs) / 1000);
  const packed = await prepare();
  const again = await prepare();
  const episodes = await timeEpisodes();
  const images = imagesPerClass * Object.values(splits).reduce((sum, classes) => sum + classes, 0);
  console.log(JSON.stringify({ images, madeSeconds: made, prepare: packed, again, ...episodes }));
} finally {
  if (!values.keep) rmSync(directory, { recursive: true, force: true });
}
