import { isShoalError, ShoalError } from "@shoal/core/outer";
import { type DatasetName, storesOf } from "./catalogue.ts";
import type { OnDatasetEvent } from "./dataset-event.ts";
import { drawGlyphs } from "./glyphs/draw-glyphs.ts";
import type { ImageStore } from "./images/image-store.ts";
import { readStoreFile } from "./images/store-file.ts";
import { findOmniglot, openParts, originOf } from "./omniglot/load-omniglot.ts";
import { howToGetOmniglot } from "./omniglot/locate.ts";
import { readOmniglot } from "./omniglot/read-omniglot.ts";
import { shrinkOmniglot } from "./omniglot/shrink.ts";

/** What one check of `verifyDataSet` found. */
export interface DataSetCheck {
  /** What was checked: `files`, or a store's name. */
  readonly name: string;
  /** `absent`: there is nothing to check, which is no fault. */
  readonly outcome: "whole" | "faulty" | "absent";
  /** One sentence for people. */
  readonly detail: string;
}

export interface VerifyOptions {
  readonly dataDir?: string | undefined;
  readonly cacheDir: string;
  readonly onProgress?: OnDatasetEvent | undefined;
}

/**
 * Makes a data set anew from its files (or its seed) and compares: names and pixels of the files with the
 * published ones, then each packed store, byte by byte through its hash, with what it should be.
 *
 * Faults are in the report, not thrown; nothing is changed on disk.
 */
export async function verifyDataSet(name: DatasetName, options: VerifyOptions): Promise<DataSetCheck[]> {
  const onEvent = options.onProgress ?? (() => {});
  const checks: DataSetCheck[] = [];
  const expected = await makeAnew(name, options, onEvent, checks);
  for (const [i, place] of storesOf(name, options.cacheDir).entries()) {
    checks.push({ name: place.name, ...(await checkStore(place, expected?.[i] ?? null)) });
  }
  return checks;
}

/** The stores as they should be, in the order of `storesOf`; null where the files are missing or faulty. */
async function makeAnew(
  name: DatasetName,
  options: VerifyOptions,
  onEvent: OnDatasetEvent,
  checks: DataSetCheck[],
): Promise<readonly ImageStore[] | null> {
  switch (name) {
    case "sinusoid":
      return [];
    case "glyphs":
      return [drawGlyphs(onEvent)];
    case "omniglot":
      try {
        const locations = await findOmniglot({
          dataDir: options.dataDir ?? null,
          cacheDir: options.cacheDir,
        });
        if (locations === null) {
          checks.push({
            name: "files",
            outcome: "absent",
            detail: `no files are known; ${howToGetOmniglot}`,
          });
          return null;
        }
        const parts = await openParts(locations);
        const images = await readOmniglot(parts, onEvent);
        const detail = `${parts.map(({ path }) => path).join(", ")}: names and pixels are the published ones`;
        checks.push({ name: "files", outcome: "whole", detail });
        return (["binary", "grey"] as const).map((pixels) => shrinkOmniglot(images, pixels, originOf(parts)));
      } catch (error) {
        if (!isShoalError(error)) throw error;
        checks.push({ name: "files", outcome: "faulty", detail: error.message });
        return null;
      }
  }
}

async function checkStore(
  place: { readonly path: string; readonly recipe: string },
  expected: ImageStore | null,
): Promise<Omit<DataSetCheck, "name">> {
  const { path, recipe } = place;
  const reading = await readStoreFile(path);
  if (reading.type === "missing") return { outcome: "absent", detail: `${path}: not made yet` };
  if (reading.type === "rejected") return { outcome: "faulty", detail: `${path}: ${reading.reason}` };
  const { store } = reading;
  if (store.recipe !== recipe) {
    return { outcome: "faulty", detail: `${path}: it was made by ${store.recipe}, not ${recipe}` };
  }
  if (expected === null) {
    return { outcome: "whole", detail: `${path}: whole by its own hash; no files to compare it with` };
  }
  return store.contentHash === expected.contentHash
    ? {
        outcome: "whole",
        detail: `${path}: equal to what the data gives (${store.contentHash.slice(0, 12)})`,
      }
    : {
        outcome: "faulty",
        detail: `${path}: expected content ${expected.contentHash.slice(0, 12)}, got ${store.contentHash.slice(0, 12)}`,
      };
}

/** @throws {ShoalError} E_DATASET_CORRUPT with every fault of the report */
export function assertNoFaults(checks: readonly DataSetCheck[]): void {
  const faults = checks.filter(({ outcome }) => outcome === "faulty");
  if (faults.length > 0) {
    throw new ShoalError("E_DATASET_CORRUPT", faults.map(({ detail }) => detail).join("\n"));
  }
}
