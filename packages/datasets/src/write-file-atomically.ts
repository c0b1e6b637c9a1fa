import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

/** Opens the temporary file; a test hands in one that leads to a full device. */
export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

/**
 * Writes `pieces` to a temporary file beside `path`, syncs it and renames it into place.
 *
 * Readers see the old file or the whole new one. Writers do not disturb each other: each has its own
 * temporary file and the last rename wins. When anything fails the temporary file is removed.
 *
 * @throws the file system's error (ENOSPC, EACCES, EROFS ...)
 */
export async function writeFileAtomically(
  path: string,
  pieces: readonly Uint8Array[],
  openFile: OpenFile = open,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`;
  try {
    const file = await openFile(temporary, "wx");
    try {
      for (const piece of pieces) await file.writeFile(piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
