import { glyphsRecipe } from "./glyphs/draw-glyphs.ts";
import { glyphsStorePath } from "./glyphs/open-glyphs.ts";
import { readStoreFile } from "./images/store-file.ts";
import { omniglotStorePath } from "./omniglot/load-omniglot.ts";
import { omniglotRecipe } from "./omniglot/shrink.ts";

export type DatasetName = "sinusoid" | "glyphs" | "omniglot";
export const datasetNames: readonly DatasetName[] = ["sinusoid", "glyphs", "omniglot"];

/** One packed store that a data set may have in the cache. */
export interface StoreStatus {
  /** `omniglot-binary`. */
  readonly name: string;
  readonly path: string;
  readonly state:
    | { readonly type: "ready"; readonly bytes: number; readonly contentHash: string }
    | { readonly type: "missing" }
    | { readonly type: "damaged"; readonly reason: string };
}

/** What `shoal data list` shows of one data set. */
export interface DatasetInfo {
  readonly name: DatasetName;
  readonly description: string;
  /** What a person must bring. */
  readonly needs: "nothing" | "files";
  readonly licence: string;
  readonly stores: readonly StoreStatus[];
}

const texts: Readonly<Record<DatasetName, Pick<DatasetInfo, "description" | "needs" | "licence">>> = {
  sinusoid: {
    description: "regression of sine waves, made as they are asked for",
    needs: "nothing",
    licence: "MIT",
  },
  glyphs: {
    description: "1,000 procedural characters of 50 alphabets, 20 instances each, 28x28 grey",
    needs: "nothing",
    licence: "MIT",
  },
  omniglot: {
    description: "1,623 handwritten characters of 50 alphabets, 20 drawers each, 28x28 binary or grey",
    needs: "files",
    licence: "MIT, Brenden Lake",
  },
};

/** Where each data set's packed stores lie, and the recipe that each must have. */
export function storesOf(
  name: DatasetName,
  cacheDir: string,
): readonly { readonly name: string; readonly path: string; readonly recipe: string }[] {
  switch (name) {
    case "sinusoid":
      return [];
    case "glyphs":
      return [{ name: "glyphs", path: glyphsStorePath(cacheDir), recipe: glyphsRecipe }];
    case "omniglot":
      return (["binary", "grey"] as const).map((pixels) => ({
        name: `omniglot-${pixels}`,
        path: omniglotStorePath(cacheDir, pixels),
        recipe: omniglotRecipe(pixels),
      }));
  }
}

/** Every data set there is, with the state of its packed stores (each is read and hashed: about 30 ms). */
export function listDataSets(cacheDir: string): Promise<DatasetInfo[]> {
  return Promise.all(
    datasetNames.map(async (name) => ({
      name,
      ...texts[name],
      stores: await Promise.all(storesOf(name, cacheDir).map(statusOfStore)),
    })),
  );
}

async function statusOfStore(store: { name: string; path: string; recipe: string }): Promise<StoreStatus> {
  const { name, path, recipe } = store;
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
