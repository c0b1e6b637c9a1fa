import { readFile } from "node:fs/promises";
import { ShoalError } from "@shoal/core/outer";
import type { Dataset } from "h5wasm/node";
import type { Format, Picture } from "../collection.ts";
import { type Hdf5File, openHdf5 } from "../hdf5.ts";
import { type ArrayPart, corrupt, cutPictures, imageShape } from "./array-parts.ts";
import { detectParts } from "./pickles.ts";
import { isFile } from "./picture-files.ts";

/** `{split}_data.hdf5` with `datasets/<class>`, and `{split}_labels.json` with the classes' names (torchmeta). */
export const torchmetaHdf5: Format = {
  name: "HDF5",
  expects: "{train,val,test}_data.hdf5 and {train,val,test}_labels.json (torchmeta)",
  detect: (directory) =>
    detectParts(
      directory,
      "HDF5 (torchmeta)",
      (split) => [`${split}_data.hdf5`],
      async (path, split) => {
        const labelsPath = path.replace(/_data\.hdf5$/, "_labels.json");
        const names = await readNames(labelsPath);
        const file = await openHdf5(path);
        try {
          const arrays = names.map((name) => arrayOf(file, path, `datasets/${name}`));
          const shapes = arrays.map(({ shape, dtype }, i) =>
            imageShape(
              `${path}: ${names[i]!}`,
              shape ?? [],
              dtype === "<B" || dtype === "B" || dtype === "|B",
            ),
          );
          const counts = arrays.map(({ shape }) => shape![0]!);
          const starts = counts.map((_, i) => counts.slice(0, i).reduce((sum, count) => sum + count, 0));
          const read: ArrayPart["read"] = async (first, count) => {
            const pictures: Picture[] = [];
            while (pictures.length < count) {
              const at = first + pictures.length;
              const c = starts.findLastIndex((start) => start <= at);
              const from = at - starts[c]!;
              const to = Math.min(counts[c]!, from + count - pictures.length);
              const bytes = arrays[c]!.slice([[from, to]]);
              if (!(bytes instanceof Uint8Array)) throw new Error(`class ${names[c]!} is not of bytes`);
              pictures.push(...cutPictures(`${path}: ${names[c]!}`, bytes, from, shapes[c]!));
            }
            return pictures;
          };
          return {
            split,
            path,
            files: [path, labelsPath],
            classNames: names,
            labels: counts.flatMap((count, c) => new Array<number>(count).fill(c)),
            read,
            close: async () => file.close(),
          };
        } catch (error) {
          file.close();
          throw error;
        }
      },
    ),
};

function arrayOf(file: Hdf5File, path: string, name: string): Dataset {
  const array = file.array(name);
  if (array !== null) return array;
  const came = file.names("datasets")?.slice(0, 5).join(", ") ?? "no group datasets";
  throw new ShoalError("E_DATASET_CONTENT", `${path}: expected an array ${name}, got ${came}`);
}

async function readNames(path: string): Promise<string[]> {
  if (!(await isFile(path))) {
    throw new ShoalError(
      "E_DATASET_CONTENT",
      `${path}: expected this list of classes beside its data, got none`,
    );
  }
  let names: unknown;
  try {
    names = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw corrupt(path, `expected JSON, but ${(error as Error).message}`, error);
  }
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  throw new ShoalError(
    "E_DATASET_CONTENT",
    `${path}: expected a JSON list of class names, got something else`,
  );
}
