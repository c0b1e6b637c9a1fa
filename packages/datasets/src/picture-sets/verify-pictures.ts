import { isShoalError } from "@shoal/core/outer";
import type { Collection } from "../collection.ts";
import { type DataSetCheck, type MakeOptions, namedDirectory } from "../data-set.ts";
import { PackedImages } from "../pack/open-pack.ts";
import { findPacks, type PackFiles, packFiles } from "../pack/pack-files.ts";
import { readPackIndex } from "../pack/pack-index.ts";
import { verifyPack } from "../pack/verify-pack.ts";
import { deviationsOf } from "./deviations.ts";
import { findCollection, howToName } from "./find-collection.ts";
import type { PackedSet } from "./load-pack.ts";

/** Compares the files with what was published, and every byte of the packs with their hashes. */
export async function verifyPictures(
  set: PackedSet,
  side: number,
  options: MakeOptions,
): Promise<DataSetCheck[]> {
  const checks: DataSetCheck[] = [];
  const collection = await openFiles(set, options, checks);
  await collection?.close();
  const packs =
    collection === null
      ? await findPacks(options.cacheDir, set.name, null)
      : [packFiles(options.cacheDir, set.name, side, collection.origin)];
  for (const files of packs) checks.push(await checkPack(set.name, files, options));
  if (packs.length === 0) {
    checks.push({ name: set.name, outcome: "absent", detail: `nothing is packed in ${options.cacheDir}` });
  }
  return checks;
}

async function openFiles(
  set: PackedSet,
  { dataDir }: MakeOptions,
  checks: DataSetCheck[],
): Promise<Collection | null> {
  const directory = namedDirectory(dataDir, set.variable);
  if (directory === null) {
    checks.push({ name: "files", outcome: "absent", detail: `no files are known; ${howToName(set)}` });
    return null;
  }
  try {
    const collection = await findCollection(set, directory);
    const { format, path, classes, labels } = collection;
    const deviations = deviationsOf(collection, set);
    const counts = `${classes.length} classes, ${labels.length} images`;
    checks.push(
      deviations.length === 0
        ? { name: "files", outcome: "whole", detail: `${format} in ${path}: ${counts}` }
        : { name: "files", outcome: "differs", detail: `${format} in ${path}: ${deviations.join("; ")}` },
    );
    return collection;
  } catch (error) {
    if (!isShoalError(error) || error.code === "E_INTERRUPTED") throw error;
    checks.push({ name: "files", outcome: "faulty", detail: error.message });
    return null;
  }
}

async function checkPack(
  name: string,
  files: PackFiles,
  { onEvent, signal }: MakeOptions,
): Promise<DataSetCheck> {
  const reading = await readPackIndex(files.index);
  if (reading.type === "missing") return { name, outcome: "absent", detail: `${files.index}: not made yet` };
  if (reading.type === "rejected") {
    return { name, outcome: "faulty", detail: `${files.index}: ${reading.reason}` };
  }
  try {
    const pack = new PackedImages(files, reading.index);
    try {
      await verifyPack(name, pack, onEvent, signal);
    } finally {
      pack.close();
    }
    const hash = reading.index.contentHash.slice(0, 12);
    return { name, outcome: "whole", detail: `${files.pixels}: every class has its hash (content ${hash})` };
  } catch (error) {
    if (!isShoalError(error) || error.code !== "E_DATASET_CORRUPT") throw error;
    return { name, outcome: "faulty", detail: error.message };
  }
}
