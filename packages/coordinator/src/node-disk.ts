import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import type { Disk, DiskFile, OpenMode } from "./disk.ts";

/** Append mode, so that a write lands at the end after a truncation too. */
const FLAGS: Readonly<Record<OpenMode, string>> = { append: "a", replace: "w", new: "ax" };

/** The file system of this machine. */
export const nodeDisk: Disk = {
  open: async (path, mode) => fileOf(await open(path, FLAGS[mode])),
  read: (path) => readFile(path),
  list: (directory) => readdir(directory),
  find: async (path) => {
    const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
      throw error;
    });
    if (info === null) return null;
    return {
      type: info.isDirectory() ? "directory" : "file",
      bytes: info.size,
      changedMs: info.mtimeMs,
    };
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true });
  },
  syncDirectory: async (path) => {
    const directory = await open(path, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  },
  touch: async (path) => {
    const now = new Date();
    await utimes(path, now, now);
  },
};

function fileOf(handle: FileHandle): DiskFile {
  return {
    write: (bytes) => handle.writeFile(bytes),
    truncate: (bytes) => handle.truncate(bytes),
    // The size counts as content; times of access and change do not.
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}
