import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CachedGraph, decodeCachedGraph, encodeCachedGraph } from "./cached-graph.ts";
import { CACHE_BYTES_MAX, TEMPORARY_FILE_AGE_MS } from "./limits.ts";

/**
 * Serialized graphs on disk, one file per key.
 *
 * Any number of processes may share a directory: a file is renamed into place whole, and each is checked
 * when it is read. A cache that cannot be used costs time and nothing else, so nothing here throws.
 */
export interface GraphCache {
  readonly directory: string;
  /** Default: 256 MiB. */
  readonly bytesMax?: number;
  readonly onEvent?: (event: GraphCacheEvent) => void;
}

export type GraphCacheEvent =
  /** A file is damaged or not what its name says; its graph is made anew. */
  | { readonly type: "graph-cache-rejected"; readonly path: string; readonly reason: string }
  /** The directory cannot be read or written. */
  | { readonly type: "graph-cache-unavailable"; readonly directory: string; readonly reason: string };

const SUFFIX = ".graph";

/** The graph kept under `key` (hexadecimal digits), or null. */
export async function readCachedGraph(cache: GraphCache, key: string): Promise<CachedGraph | null> {
  const path = join(cache.directory, `${key}${SUFFIX}`);
  try {
    const found = decodeCachedGraph(key, await readFile(path));
    if (typeof found === "string") {
      cache.onEvent?.({ type: "graph-cache-rejected", path, reason: found });
      return null;
    }
    // The time of a file is when it was used last.
    const now = new Date();
    await utimes(path, now, now).catch(() => {});
    return found;
  } catch (error) {
    reportUnlessMissing(cache, error);
    return null;
  }
}

/** Keeps a graph under `key`, and removes the least recently used ones beyond the limit. */
export async function writeCachedGraph(cache: GraphCache, key: string, entry: CachedGraph): Promise<void> {
  const { directory, bytesMax = CACHE_BYTES_MAX } = cache;
  const bytes = encodeCachedGraph(key, entry);
  if (bytes.length > bytesMax) return;
  const temporary = join(directory, `${key}.${process.pid}-${randomUUID().slice(0, 8)}.tmp`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(temporary, bytes, { flag: "wx" });
    // Not synced: a file that a power cut left half written fails its checksum.
    await rename(temporary, join(directory, `${key}${SUFFIX}`));
    await evict(directory, bytesMax);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    reportUnlessMissing(cache, error);
  }
}

/** How many graphs a directory keeps, and their bytes. */
export async function graphCacheSize(directory: string): Promise<{ graphs: number; bytes: number }> {
  const files = (await list(directory).catch(() => [])).filter(({ path }) => path.endsWith(SUFFIX));
  return { graphs: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0) };
}

async function evict(directory: string, bytesMax: number): Promise<void> {
  const files = (await list(directory)).sort((a, b) => b.usedMs - a.usedMs);
  let bytes = 0;
  for (const { path, size, usedMs } of files) {
    const isAbandoned = path.endsWith(".tmp") && Date.now() - usedMs > TEMPORARY_FILE_AGE_MS;
    if (path.endsWith(SUFFIX)) bytes += size;
    if (isAbandoned || (path.endsWith(SUFFIX) && bytes > bytesMax)) await rm(path, { force: true });
  }
}

interface File {
  readonly path: string;
  readonly size: number;
  readonly usedMs: number;
}

/** The files of a directory; one that another process removes meanwhile is left out. */
async function list(directory: string): Promise<File[]> {
  const names = await readdir(directory);
  const files = await Promise.all(
    names.map(async (name): Promise<File[]> => {
      const path = join(directory, name);
      const status = await stat(path).catch(() => null);
      return status?.isFile() ? [{ path, size: status.size, usedMs: status.mtimeMs }] : [];
    }),
  );
  return files.flat();
}

function reportUnlessMissing({ directory, onEvent }: GraphCache, error: unknown): void {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
  const reason = error instanceof Error ? error.message : String(error);
  onEvent?.({ type: "graph-cache-unavailable", directory, reason });
}
