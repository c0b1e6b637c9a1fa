import { ShoalError } from "@shoal/core/outer";
import { type DatasetName, storesOf } from "./catalogue.ts";
import type { DatasetEvent, OnDatasetEvent } from "./dataset-event.ts";
import { loadGlyphs } from "./glyphs/open-glyphs.ts";
import type { ImageStore } from "./images/image-store.ts";
import { loadOmniglot } from "./omniglot/load-omniglot.ts";

export interface PrepareOptions {
  /** Directory of the data set's files, for sources that have files. Default: SHOAL_OMNIGLOT_DIR. */
  readonly dataDir?: string | undefined;
  readonly cacheDir: string;
  /** Download what is nowhere to be found. Default false. */
  readonly download?: boolean | undefined;
  readonly onProgress?: OnDatasetEvent | undefined;
}

/** A packed store that is ready in the cache. */
export interface PreparedStore {
  /** `omniglot-binary`. */
  readonly name: string;
  readonly path: string;
  readonly classes: number;
  readonly images: number;
  readonly contentHash: string;
}

/**
 * Makes all packed stores of a data set, so that every later start takes well under a second.
 *
 * Stores that are there already are verified and kept. A data set without files gives none.
 *
 * @throws {ShoalError} what `openTaskSource` throws, and E_DISK if a store cannot be written
 */
export async function prepareDataSet(name: DatasetName, options: PrepareOptions): Promise<PreparedStore[]> {
  const { dataDir = null, cacheDir, download = false } = options;
  const onEvent = (event: DatasetEvent) => {
    options.onProgress?.(event);
    if (event.type === "cache-unavailable") throw notWritten(event.path, event.reason);
  };
  const stores = await loadStores(name, { dataDir, cacheDir, download, onEvent });
  return storesOf(name, cacheDir).map((place, i) => {
    const { classNames, examplesPerClass, contentHash } = stores[i]!;
    const classes = classNames.length;
    return { name: place.name, path: place.path, classes, images: classes * examplesPerClass, contentHash };
  });
}

/** All stores of a data set, in the order of `storesOf`. */
async function loadStores(
  name: DatasetName,
  options: Parameters<typeof loadOmniglot>[1] & { readonly cacheDir: string },
): Promise<readonly ImageStore[]> {
  switch (name) {
    case "sinusoid":
      return [];
    case "glyphs":
      return [await loadGlyphs(options.cacheDir, options.onEvent)];
    case "omniglot":
      return loadOmniglot(["binary", "grey"], options);
  }
}

function notWritten(path: string, reason: string): ShoalError {
  return new ShoalError(
    "E_DISK",
    `${path}: the packed store cannot be written: ${reason}; make room, or name another cache directory`,
  );
}
