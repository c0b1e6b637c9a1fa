import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import {
  compareText,
  type ImageFile,
  type PartOnDisk,
  parseImagePath,
  sortAndCountFiles,
} from "./image-files.ts";
import type { OmniglotPart } from "./parts.ts";

/**
 * Opens one part's extracted folder.
 *
 * Its origin is a hash of its names: reading 32,460 files on every start to notice a changed pixel
 * would take seconds; `verifyDataSet` does that.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT if it cannot be read
 */
export async function openFolder(part: OmniglotPart, path: string): Promise<PartOnDisk> {
  const files: ImageFile[] = [];
  const paths = (await readTree(path)).sort(compareText);
  for (const imagePath of paths) {
    const place = parseImagePath(imagePath);
    if (place !== null) files.push({ ...place, read: () => readImage(join(path, imagePath)) });
  }
  const origin = `names:${createHash("sha256").update(paths.join("\n")).digest("hex")}`;
  return { part, path, origin, list: async () => sortAndCountFiles(part, path, files) };
}

/** All paths below `path`, with forward slashes. */
async function readTree(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join("/"));
  } catch (error) {
    throw unreadable(path, error);
  }
}

async function readImage(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): ShoalError {
  return new ShoalError("E_DATASET_CORRUPT", `${path}: cannot be read: ${(error as Error).message}`, {
    cause: error,
  });
}
