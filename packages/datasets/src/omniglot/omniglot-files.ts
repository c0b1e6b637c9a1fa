import { isShoalError } from "@shoal/core/outer";
import { namedDirectory } from "../data-set.ts";
import type { OnDatasetEvent } from "../dataset-event.ts";
import type { ImageStore } from "../images/image-store.ts";
import type { PartOnDisk } from "./image-files.ts";
import { locateOmniglot, type PartLocation } from "./locate.ts";
import { findNumpyOmniglot, numpyOrigin, readNumpyOmniglot } from "./numpy-omniglot.ts";
import { openArchive } from "./open-archive.ts";
import { openFolder } from "./open-folder.ts";
import { openHdf5Part } from "./open-hdf5.ts";
import { omniglotDirVariable } from "./parts.ts";
import { type OmniglotImages, readOmniglot } from "./read-omniglot.ts";
import { type OmniglotPixels, shrinkOmniglot } from "./shrink.ts";

/** Omniglot's files on this disk, in whichever form. */
export interface OmniglotFiles {
  /** For people. */
  readonly paths: string;
  /** One text that changes when the files do. */
  readonly origin: string;
  /** The images at 28 x 28; published images are decoded once for both kinds of pixels. */
  build(pixels: OmniglotPixels): Promise<ImageStore>;
}

/**
 * Omniglot's files in `directory`: archives, folders or HDF5 (see `locateOmniglot`), else `omniglot.npy`.
 *
 * @throws {ShoalError} E_DATASET_MISSING, E_DATASET_CORRUPT
 */
export async function openOmniglotFiles(directory: string, onEvent: OnDatasetEvent): Promise<OmniglotFiles> {
  let locations: readonly PartLocation[];
  try {
    locations = await locateOmniglot(directory);
  } catch (error) {
    const path = isMissing(error) ? await findNumpyOmniglot(directory) : null;
    if (path === null) throw error;
    return {
      paths: path,
      origin: await numpyOrigin(path),
      build: (pixels) => readNumpyOmniglot(path, pixels, onEvent),
    };
  }
  const parts = await Promise.all(locations.map(({ part, type, path }) => openPart[type](part, path)));
  const origin = originOf(parts);
  let images: Promise<OmniglotImages> | null = null;
  return {
    paths: parts.map(({ path }) => path).join(", "),
    origin,
    async build(pixels) {
      images ??= readOmniglot(parts, onEvent);
      return shrinkOmniglot(await images, pixels, origin);
    },
  };
}

/** The files in the directory that was named, else among the downloads, else nowhere. */
export async function findOmniglotFiles(
  places: { readonly dataDir: string | null; readonly downloadDir: string | null },
  onEvent: OnDatasetEvent,
): Promise<OmniglotFiles | null> {
  const named = namedDirectory(places.dataDir, omniglotDirVariable);
  if (named !== null) return openOmniglotFiles(named, onEvent);
  if (places.downloadDir === null) return null;
  try {
    return await openOmniglotFiles(places.downloadDir, onEvent);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const openPart = { archive: openArchive, folder: openFolder, hdf5: openHdf5Part };

function originOf(parts: readonly PartOnDisk[]): string {
  return parts.map(({ part, origin }) => `${part.name}=${origin}`).join(" ");
}

function isMissing(error: unknown): boolean {
  return isShoalError(error) && error.code === "E_DATASET_MISSING";
}
