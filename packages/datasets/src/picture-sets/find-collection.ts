import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import type { Collection, Format } from "../collection.ts";
import { describeDirectory } from "../describe-directory.ts";
import { isDirectory } from "../formats/picture-files.ts";
import { imageCounts } from "./deviations.ts";

/** What is looked for, and where. */
export interface Search {
  readonly name: string;
  readonly variable: string;
  readonly subdirectories: readonly string[];
  readonly formats: readonly Format[];
}

/**
 * The collection in `directory`, in the first of the set's formats that is there.
 *
 * @throws {ShoalError} E_DATASET_MISSING if there is none, E_DATASET_CONTENT if it is not whole
 */
export async function findCollection(search: Search, directory: string): Promise<Collection> {
  for (const below of search.subdirectories) {
    const place = join(directory, below);
    if (!(await isDirectory(place))) continue;
    for (const format of search.formats) {
      const collection = await format.detect(place);
      if (collection === null) continue;
      try {
        checkWhole(search.name, collection);
        return collection;
      } catch (error) {
        await collection.close();
        throw error;
      }
    }
  }
  const formats = search.formats.map(({ name, expects }) => `  ${name}: ${expects}`);
  throw new ShoalError(
    "E_DATASET_MISSING",
    `${search.name}: expected one of these in ${directory}:\n${formats.join("\n")}\n` +
      `found ${await describeDirectory(directory)}; ${howToName(search)}`,
  );
}

export function howToName({ variable }: Pick<Search, "variable">): string {
  return `name the directory that has it with --data DIR or ${variable}`;
}

/** Every class has a name of its own and images. */
function checkWhole(dataset: string, collection: Collection): void {
  const seen = new Map<string, string>();
  for (const { name, split } of collection.classes) {
    const before = seen.get(name);
    if (before !== undefined) {
      throw notWhole(
        dataset,
        collection,
        `expected every class in one split, got ${name} in ${before} and ${split ?? "again"}; ` +
          "its images would be trained on and tested",
      );
    }
    seen.set(name, split ?? "no split");
  }
  const counts = imageCounts(collection);
  const empty = collection.classes.find((_, c) => counts[c] === 0);
  if (empty !== undefined) {
    const where = empty.split === null ? "" : ` of ${empty.split}`;
    throw notWhole(dataset, collection, `expected images of class ${empty.name}${where}, got none`);
  }
  if (collection.classes.length === 0) throw notWhole(dataset, collection, "expected images, got none");
}

function notWhole(dataset: string, { format, path }: Collection, what: string): ShoalError {
  return new ShoalError("E_DATASET_CONTENT", `${dataset}: ${format} in ${path}: ${what}`);
}
