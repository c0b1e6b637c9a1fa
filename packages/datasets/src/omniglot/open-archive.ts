import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { ShoalError } from "@shoal/core/outer";
import { type Entry, fromBufferPromise, type ZipFile } from "yauzl";
import { archiveBytesMax, archiveEntriesMax, imageFileBytesMax } from "../limits.ts";
import { type ImageFile, type PartOnDisk, parseImagePath, sortAndCountFiles } from "./image-files.ts";
import type { OmniglotPart } from "./parts.ts";

/**
 * Opens one part's zip archive, the authors' or a re-zipped one.
 *
 * The archive is held in memory (about 9 MB); nothing is extracted to disk.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT if it cannot be read
 */
export async function openArchive(part: OmniglotPart, path: string): Promise<PartOnDisk> {
  const bytes = await readArchive(path);
  const origin = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { part, path, origin, list: () => listArchive(part, path, bytes) };
}

async function listArchive(part: OmniglotPart, path: string, bytes: Buffer): Promise<ImageFile[]> {
  const zip = await openZip(path, bytes);
  const files: ImageFile[] = [];
  try {
    for await (const entry of zip.eachEntry()) {
      const place = parseEntryName(part, entry.fileName);
      if (place !== null) files.push({ ...place, read: () => readEntry(zip, path, entry) });
    }
  } catch (error) {
    throw corrupt(path, error);
  }
  return sortAndCountFiles(part, path, files);
}

/** The part's folder may itself lie in folders; macOS adds a shadow of each file that is no image. */
function parseEntryName(part: OmniglotPart, name: string): { className: string; fileName: string } | null {
  const start = name.startsWith(`${part.name}/`) ? 0 : name.indexOf(`/${part.name}/`) + 1;
  if (name.startsWith("__MACOSX/") || (start === 0 && !name.startsWith(`${part.name}/`))) return null;
  return parseImagePath(name.slice(start + part.name.length + 1));
}

async function readArchive(path: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > archiveBytesMax) throw new Error(`${size} bytes are more than the ${archiveBytesMax} allowed`);
    return await readFile(path);
  } catch (error) {
    throw new ShoalError("E_DATASET_CORRUPT", `${path}: cannot be read: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function openZip(path: string, bytes: Buffer): Promise<ZipFile> {
  try {
    // Entries are read while others are still to come, so the file is not closed at the last of them.
    const zip = await fromBufferPromise(bytes, { lazyEntries: true, autoClose: false });
    if (zip.entryCount > archiveEntriesMax) throw new Error(`it claims to have ${zip.entryCount} entries`);
    return zip;
  } catch (error) {
    throw corrupt(path, error);
  }
}

async function readEntry(zip: ZipFile, path: string, entry: Entry): Promise<Buffer> {
  try {
    if (entry.uncompressedSize > imageFileBytesMax) {
      throw new Error(`${entry.uncompressedSize} bytes are more than the ${imageFileBytesMax} of an image`);
    }
    return await buffer(await zip.openReadStreamPromise(entry));
  } catch (error) {
    throw corrupt(`${path}: ${entry.fileName}`, error);
  }
}

function corrupt(where: string, error: unknown): ShoalError {
  return new ShoalError(
    "E_DATASET_CORRUPT",
    `${where}: expected a whole zip archive: ${(error as Error).message.replace(/\.$/, "")}; it is cut off or damaged, get it again`,
    { cause: error },
  );
}
