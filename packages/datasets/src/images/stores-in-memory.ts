import type { DataSetCheck, PreparedStore, StoreStatus } from "../data-set.ts";
import type { ImageStore } from "./image-store.ts";
import { readStoreFile } from "./store-file.ts";

/** Where a small packed store lies, and the recipe that it must have. */
export interface StorePlace {
  /** `omniglot-binary`. */
  readonly name: string;
  readonly path: string;
  readonly recipe: string;
}

/** The state of a store's file; it is read and hashed, about 30 ms. */
export async function statusOfStore({ name, path, recipe }: StorePlace): Promise<StoreStatus> {
  const reading = await readStoreFile(path);
  switch (reading.type) {
    case "missing":
      return { name, path, state: { type: "missing" } };
    case "rejected":
      return { name, path, state: { type: "damaged", reason: reading.reason } };
    case "read": {
      const { pixels, contentHash } = reading.store;
      return reading.store.recipe === recipe
        ? { name, path, state: { type: "ready", bytes: pixels.length, contentHash } }
        : { name, path, state: { type: "damaged", reason: `it was made by ${reading.store.recipe}` } };
    }
  }
}

export function preparedStore({ name, path }: StorePlace, store: ImageStore): PreparedStore {
  const classes = store.classNames.length;
  return { name, path, classes, images: classes * store.examplesPerClass, contentHash: store.contentHash };
}

/** Compares a store's file with the store as it should be; null: the data to make it anew is not there. */
export async function checkStore(place: StorePlace, expected: ImageStore | null): Promise<DataSetCheck> {
  const { name, path, recipe } = place;
  const reading = await readStoreFile(path);
  if (reading.type === "missing") return { name, outcome: "absent", detail: `${path}: not made yet` };
  if (reading.type === "rejected") return { name, outcome: "faulty", detail: `${path}: ${reading.reason}` };
  const { store } = reading;
  if (store.recipe !== recipe) {
    return { name, outcome: "faulty", detail: `${path}: it was made by ${store.recipe}, not ${recipe}` };
  }
  if (expected === null) {
    return { name, outcome: "whole", detail: `${path}: whole by its own hash; no files to compare it with` };
  }
  const hash = store.contentHash.slice(0, 12);
  return store.contentHash === expected.contentHash
    ? { name, outcome: "whole", detail: `${path}: equal to what the data gives (${hash})` }
    : {
        name,
        outcome: "faulty",
        detail: `${path}: expected content ${expected.contentHash.slice(0, 12)}, got ${hash}`,
      };
}
