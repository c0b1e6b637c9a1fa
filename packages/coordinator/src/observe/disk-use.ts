import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { DISK_LOOK_MS } from "../limits.ts";

export interface DiskUse {
  /** Of all files below the run directory. */
  readonly runBytes: number;
  /** What its file system has left for this user. */
  readonly freeBytes: number;
}

/** How much a run directory takes, looked at once per `DISK_LOOK_MS` at most. */
export class DiskWatch {
  readonly #path: string;
  #use: Promise<DiskUse | null> | null = null;
  #lookedMs = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Null where the directory cannot be read. */
  use(nowMs: number): Promise<DiskUse | null> {
    if (this.#use === null || nowMs - this.#lookedMs >= DISK_LOOK_MS) {
      this.#lookedMs = nowMs;
      this.#use = measure(this.#path).catch(() => null);
    }
    return this.#use;
  }
}

async function measure(path: string): Promise<DiskUse> {
  const { bavail, bsize } = await statfs(path);
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      // A checkpoint may be removed while this looks.
      .map((entry) =>
        stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
  );
  return { runBytes: sizes.reduce((sum, size) => sum + size, 0), freeBytes: bavail * bsize };
}
