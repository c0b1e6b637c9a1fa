import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { StoreStatus } from "../data-set.ts";
import { findPacks, type PackFiles } from "./pack-files.ts";
import { packBytes, readPackIndex } from "./pack-index.ts";

/** Every pack of a data set in the cache, finished or not. The pixels are not hashed. */
export async function statusOfPacks(cacheDir: string, dataset: string): Promise<StoreStatus[]> {
  const finished = await findPacks(cacheDir, dataset, null);
  const names = await readdir(cacheDir).catch(() => []);
  const pattern = new RegExp(`^${dataset}-\\d+-[0-9a-f]{12}\\.progress$`);
  const unfinished = await Promise.all(
    names
      .filter((name) => pattern.test(name))
      .sort()
      .map(async (name): Promise<StoreStatus> => {
        const images = Number(await readFile(join(cacheDir, name), "utf8").catch(() => "0"));
        const path = join(cacheDir, name.replace(/progress$/, "pixels"));
        return {
          name: name.replace(/-[0-9a-f]{12}\.progress$/, ""),
          path,
          state: { type: "unfinished", images },
        };
      }),
  );
  return [...(await Promise.all(finished.map((files) => statusOfPack(dataset, files)))), ...unfinished];
}

async function statusOfPack(dataset: string, files: PackFiles): Promise<StoreStatus> {
  const path = files.pixels;
  const damaged = (name: string, reason: string): StoreStatus => ({
    name,
    path,
    state: { type: "damaged", reason },
  });
  const reading = await readPackIndex(files.index);
  if (reading.type !== "read") {
    return damaged(dataset, reading.type === "missing" ? "its index is gone" : `its index ${reading.reason}`);
  }
  const { height, contentHash, source, classes } = reading.index;
  const name = `${dataset}-${height}`;
  const expected = packBytes(reading.index);
  const bytes = (await stat(path).catch(() => null))?.size;
  if (bytes !== expected) {
    return damaged(
      name,
      bytes === undefined ? "its pixels are gone" : `expected ${expected} bytes, got ${bytes}`,
    );
  }
  const images = classes.reduce((sum, { images: count }) => sum + count, 0);
  const detail = `${classes.length} classes, ${images} images from ${source.path} (${source.format})`;
  return { name, path, state: { type: "ready", bytes, contentHash, detail } };
}
