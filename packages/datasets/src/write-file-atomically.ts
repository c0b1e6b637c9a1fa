import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { temporaryFileAgeMs } from "./limits.ts";

/** Opens the temporary file; a test hands in one that leads to a full device. */
export type OpenFile = (path: string, flags: string) => Promise<FileHandle>;

/**
 * Writes `pieces` to a temporary file beside `path`, syncs it and renames it into place.
 *
 * Readers see the old file or the whole new one. Writers do not disturb each other: each has its own
 * temporary file and the last rename wins. When anything fails the temporary file is removed; one that a
 * killed process left is removed by the next write of the same file, after an hour.
 *
 * @throws the file system's error (ENOSPC, EACCES, EROFS ...)
 */
export async function writeFileAtomically(
  path: string,
  pieces: readonly Uint8Array[],
  openFile: OpenFile = open,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await removeAbandoned(path);
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

/** Removes old temporary files of `path`; a younger one may belong to a process that is writing it. */
async function removeAbandoned(path: string): Promise<void> {
  const directory = dirname(path);
  const prefix = `${basename(path)}.`;
  for (const name of await readdir(directory)) {
    if (!name.startsWith(prefix) || !name.endsWith(".tmp")) continue;
    const status = await stat(join(directory, name)).catch(() => null);
    if (status !== null && Date.now() - status.mtimeMs > temporaryFileAgeMs) {
      await rm(join(directory, name), { force: true });
    }
  }
}
