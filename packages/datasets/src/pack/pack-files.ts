import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Paths of one pack. */
export interface PackFiles {
  readonly index: string;
  readonly pixels: string;
  /** How far an unfinished pack is. */
  readonly progress: string;
  /** Held by the process that is writing it. */
  readonly lock: string;
}

/** The pack of a data set at one image size, made from the files of one origin. */
export function packFiles(cacheDir: string, dataset: string, side: number, origin: string): PackFiles {
  return filesOf(join(cacheDir, `${dataset}-${side}-${origin.slice(0, 12)}`));
}

/** Finished packs of a data set in the cache, of one image size or (null) of all; sorted by name. */
export async function findPacks(
  cacheDir: string,
  dataset: string,
  side: number | null,
): Promise<PackFiles[]> {
  const pattern = new RegExp(`^${dataset}-${side ?? "\\d+"}-[0-9a-f]{12}\\.json$`);
  const names = await readdir(cacheDir).catch(() => []);
  return names
    .filter((name) => pattern.test(name))
    .sort()
    .map((name) => filesOf(join(cacheDir, name.slice(0, -".json".length))));
}

function filesOf(stem: string): PackFiles {
  return {
    index: `${stem}.json`,
    pixels: `${stem}.pixels`,
    progress: `${stem}.progress`,
    lock: `${stem}.lock`,
  };
}
