import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { cachedStore } from "../images/cached-store.ts";
import type { ImageStore } from "../images/image-store.ts";
import { readStoreFile } from "../images/store-file.ts";
import { downloadOmniglot } from "./download-omniglot.ts";
import { howToGetOmniglot } from "./locate.ts";
import { findOmniglotFiles, type OmniglotFiles, openOmniglotFiles } from "./omniglot-files.ts";
import { type OmniglotPixels, omniglotRecipe } from "./shrink.ts";

export interface LoadOmniglotOptions {
  /** Directory with the archives or folders; null: what SHOAL_OMNIGLOT_DIR says, else the cache. */
  readonly dataDir: string | null;
  readonly cacheDir: string | null;
  /** Download the archives into `cacheDir` where they are nowhere else. */
  readonly download: boolean;
  readonly onEvent: OnDatasetEvent;
  /** Ends a download, which the next call goes on with. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Omniglot at 28 x 28, one store per kind of pixels, each from its packed store where that is there and
 * made from the same files. The images are decoded at most once.
 *
 * Looks in `dataDir`, else in SHOAL_OMNIGLOT_DIR, else in what was downloaded, else it takes the packed
 * stores alone, else (if allowed) it downloads.
 *
 * @throws {ShoalError} E_DATASET_MISSING, E_DATASET_CORRUPT, E_DATASET_CONTENT, E_DOWNLOAD, E_CHECKSUM, E_DISK
 */
export async function loadOmniglot(
  kinds: readonly OmniglotPixels[],
  options: LoadOmniglotOptions,
): Promise<ImageStore[]> {
  const { cacheDir, onEvent, signal } = options;
  const downloadDir = cacheDir === null ? null : omniglotDownloadDir(cacheDir);
  const files = await findOmniglotFiles({ dataDir: options.dataDir, downloadDir }, onEvent);
  if (files !== null) return loadFromFiles(kinds, files, options);

  if (cacheDir !== null) {
    const stores = await Promise.all(kinds.map((pixels) => loadStoreAlone(cacheDir, pixels, onEvent)));
    const found = stores.filter((store) => store !== null);
    if (found.length === kinds.length) return found;
  }
  if (!options.download || cacheDir === null) {
    throw new ShoalError(
      "E_DATASET_MISSING",
      `omniglot: no directory was named and nothing is cached; ${howToGetOmniglot}`,
    );
  }
  const dataDir = omniglotDownloadDir(cacheDir);
  await downloadOmniglot({ directory: dataDir, onEvent, signal });
  return loadFromFiles(kinds, await openOmniglotFiles(dataDir, onEvent), options);
}

async function loadFromFiles(
  kinds: readonly OmniglotPixels[],
  files: OmniglotFiles,
  { cacheDir, onEvent }: LoadOmniglotOptions,
): Promise<ImageStore[]> {
  const stores: ImageStore[] = [];
  for (const pixels of kinds) {
    const store = await cachedStore({
      path: cacheDir === null ? null : omniglotStorePath(cacheDir, pixels),
      recipe: omniglotRecipe(pixels),
      origin: files.origin,
      build: () => files.build(pixels),
      onEvent,
    });
    stores.push(store);
  }
  return stores;
}

export function omniglotStorePath(cacheDir: string, pixels: OmniglotPixels): string {
  return join(cacheDir, `omniglot-${pixels}.store`);
}

export function omniglotDownloadDir(cacheDir: string): string {
  return join(cacheDir, "omniglot");
}

/** The packed store of an earlier start, whose files are gone; null where there is none. */
async function loadStoreAlone(
  cacheDir: string,
  pixels: OmniglotPixels,
  onEvent: OnDatasetEvent,
): Promise<ImageStore | null> {
  const path = omniglotStorePath(cacheDir, pixels);
  const reading = await readStoreFile(path);
  if (reading.type === "missing") return null;
  const recipe = omniglotRecipe(pixels);
  if (reading.type === "read" && reading.store.recipe === recipe) {
    onEvent({ type: "cache-used", path });
    return reading.store;
  }
  const reason = reading.type === "rejected" ? reading.reason : `it was made by ${reading.store.recipe}`;
  onEvent({ type: "cache-rejected", path, reason });
  return null;
}
