import type { OnDatasetEvent } from "../dataset-event.ts";
import { type OpenFile, writeFileAtomically } from "../write-file-atomically.ts";
import type { ImageStore } from "./image-store.ts";
import { encodeStore, readStoreFile } from "./store-file.ts";

export interface CachedStoreOptions {
  /** File of the packed store; null: nothing is cached. */
  readonly path: string | null;
  readonly recipe: string;
  readonly origin: string;
  build(): Promise<ImageStore>;
  readonly onEvent: OnDatasetEvent;
  readonly openFile?: OpenFile | undefined;
}

/**
 * The packed store of `recipe` and `origin`: from its file where that is whole, else built and kept.
 *
 * A damaged or outdated file is reported and rebuilt. A disk that takes no file is reported too, and
 * the store is used all the same.
 */
export async function cachedStore(options: CachedStoreOptions): Promise<ImageStore> {
  const { path, onEvent } = options;
  if (path === null) return options.build();

  const reading = await readStoreFile(path);
  if (reading.type === "read") {
    const mismatch = describeMismatch(reading.store, options);
    if (mismatch === null) {
      onEvent({ type: "cache-used", path });
      return reading.store;
    }
    onEvent({ type: "cache-rejected", path, reason: mismatch });
  } else if (reading.type === "rejected") {
    onEvent({ type: "cache-rejected", path, reason: reading.reason });
  }

  const store = await options.build();
  await keepStore(path, store, onEvent, options.openFile);
  return store;
}

/** Writes a store's file; a disk that refuses is an event, because the store itself is at hand. */
async function keepStore(
  path: string,
  store: ImageStore,
  onEvent: OnDatasetEvent,
  openFile?: OpenFile,
): Promise<void> {
  const pieces = encodeStore(store);
  try {
    await writeFileAtomically(path, pieces, openFile);
    onEvent({ type: "cache-written", path, bytes: pieces.reduce((sum, piece) => sum + piece.length, 0) });
  } catch (error) {
    onEvent({ type: "cache-unavailable", path, reason: (error as Error).message });
  }
}

function describeMismatch(store: ImageStore, wanted: { recipe: string; origin: string }): string | null {
  if (store.recipe !== wanted.recipe) return `it was made by ${store.recipe}, not ${wanted.recipe}`;
  if (store.origin !== wanted.origin) return "it was made from other files";
  return null;
}
