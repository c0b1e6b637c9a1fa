import { stat } from "node:fs/promises";
import { ShoalError } from "@shoal/core/outer";
import { type Hdf5File, openHdf5 } from "../hdf5.ts";
import { bitmapBytes } from "./decode-image.ts";
import { type ImageFile, type PartOnDisk, sortAndCountFiles } from "./image-files.ts";
import { firstNumbers } from "./numbers.ts";
import { type OmniglotPart, omniglotExamples, omniglotSidePx } from "./parts.ts";

/**
 * Opens one part in torchmeta's `data.hdf5`: `images_background/<Alphabet>/<character>`, uint8 `[20, 105, 105]`
 * with ink = 255.
 *
 * The names of the published files follow from alphabet, character and drawer, so that the content is
 * checked as that of the archives. torchmeta lists drawers as the file system does: in another order, the
 * content cannot be told from a changed one, and that is reported.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT if it cannot be read
 */
export async function openHdf5Part(part: OmniglotPart, path: string): Promise<PartOnDisk> {
  const { size, mtimeMs } = await stat(path);
  return {
    part,
    path,
    origin: `hdf5:${size}-${mtimeMs}`,
    isOrderKnown: false,
    async list() {
      const file = await openHdf5(path);
      return sortAndCountFiles(part, path, listImages(file, part, path));
    },
  };
}

function listImages(file: Hdf5File, part: OmniglotPart, path: string): ImageFile[] {
  const files: ImageFile[] = [];
  for (const alphabet of namesAt(file, path, part.name)) {
    for (const character of namesAt(file, path, `${part.name}/${alphabet}`)) {
      const place = `${part.name}/${alphabet}/${character}`;
      const array = file.array(place);
      const sides = array?.shape ?? [];
      if (array === null || sides.slice(1).join() !== `${omniglotSidePx},${omniglotSidePx}`) {
        throw corrupt(path, `expected images [20, 105, 105] at ${place}, got [${sides.join(", ")}]`);
      }
      const number = (firstNumbers[alphabet] ?? 0) + Number(/\d+$/.exec(character)?.[0] ?? 1) - 1;
      // One read per character: its images are asked for together.
      let images: Promise<Uint8Array> | null = null;
      const load = async () => {
        const bytes = array.slice([]);
        if (!(bytes instanceof Uint8Array))
          throw corrupt(path, `expected bytes at ${place}, got other numbers`);
        return bytes;
      };
      for (let drawer = 1; drawer <= sides[0]!; drawer++) {
        files.push({
          className: `${alphabet}/${character}`,
          fileName: `${String(number).padStart(4, "0")}_${String(drawer).padStart(2, "0")}.png`,
          readBits: async () => {
            images ??= load();
            const bits = toBits(`${path}: ${place}`, await images, drawer - 1);
            if (drawer === omniglotExamples) images = null;
            return bits;
          },
        });
      }
    }
  }
  return files;
}

/** Bits of one image: 255 is ink, 0 is paper. */
function toBits(where: string, images: Uint8Array, place: number): Uint8Array {
  const size = omniglotSidePx ** 2;
  const bits = new Uint8Array(bitmapBytes);
  for (let i = 0; i < size; i++) {
    const value = images[place * size + i]!;
    if (value === 255) bits[i >> 3]! |= 0x80 >> (i & 7);
    else if (value !== 0) throw corrupt(where, `expected pixels of 0 or 255, got ${value}`);
  }
  return bits;
}

function namesAt(file: Hdf5File, path: string, group: string): readonly string[] {
  const names = file.names(group);
  if (names !== null) return names;
  const came = file.names("/")?.join(", ") ?? "";
  throw corrupt(path, `expected a group ${group}, got ${came === "" ? "an empty file" : came}`);
}

function corrupt(where: string, what: string): ShoalError {
  return new ShoalError("E_DATASET_CORRUPT", `${where}: ${what}; get the data again`);
}
