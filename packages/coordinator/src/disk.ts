/**
 * The few things that a run asks of a file system, so that a test can put a disk of its own underneath:
 * one that is full, that tears a write in two, or that loses what was not synced. `nodeDisk` is the real one.
 *
 * Paths are absolute or relative to the working directory, as in `node:fs`. Errors are the file system's
 * own, with `code` as in Node (`ENOENT`, `EEXIST`, `ENOSPC` ...).
 *
 * What may be relied on after a crash: what was written to a file before its `sync` resolved, and names
 * that were made, renamed or removed before `syncDirectory` of their directory resolved. Of everything
 * else any part may be there, a written range of bytes in part too.
 */
export interface Disk {
  /** Opens a file for writing at its end; see `OpenMode`. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** The whole content. @throws ENOENT */
  read(path: string): Promise<Uint8Array>;
  /** Names in a directory, in no particular order. @throws ENOENT */
  list(directory: string): Promise<readonly string[]>;
  /** What lies at `path`; null: nothing. */
  find(path: string): Promise<DiskEntry | null>;
  /** Puts `from` in the place of `to`, at once. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; one that is missing is no error. */
  remove(path: string): Promise<void>;
  /** Makes a directory and those above it; one that exists is no error. */
  makeDirectory(path: string): Promise<void>;
  /** Makes names in a directory durable. */
  syncDirectory(path: string): Promise<void>;
  /** Sets the time of last change to now. */
  touch(path: string): Promise<void>;
}

/** `append`: made if missing; `replace`: made, or emptied; `new`: made, EEXIST if it is there. */
export type OpenMode = "append" | "replace" | "new";

export interface DiskEntry {
  readonly type: "file" | "directory";
  readonly bytes: number;
  /** Time of the last change, in ms since 1970. */
  readonly changedMs: number;
}

/** A file that is open for writing. */
export interface DiskFile {
  /** Writes all of `bytes` at the end; on an error a part of them may be there. */
  write(bytes: Uint8Array): Promise<void>;
  /** Cuts the file to its first `bytes` bytes; what is written next follows them. */
  truncate(bytes: number): Promise<void>;
  /** Resolves when the content is durable. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
