import { hostname } from "node:os";
import { join } from "node:path";
import { ShoalError } from "@shoal/core/outer";
import { z } from "zod";
import type { Disk, OpenMode } from "./disk.ts";
import { LOCK_STALE_MS } from "./limits.ts";

/** The file that keeps two coordinators apart. */
export function lockPath(path: string): string {
  return join(path, "lock.json");
}

/** Who uses a run directory. */
export interface RunLock {
  /** For people: `process 17 on host`. */
  readonly holder: string;
  /** False: it was killed, and left its lock behind. */
  readonly isAlive: boolean;
}

/** The lock of a run directory; null: nobody has one. */
export async function readLock(disk: Disk, path: string): Promise<RunLock | null> {
  const file = lockPath(path);
  const found = await disk.find(file);
  if (found === null) return null;
  const holder = await readHolder(disk, file);
  const isHere = holder !== null && holder.host === hostname();
  const isAlive = isHere ? isRunning(holder.pid) : Date.now() - found.changedMs < LOCK_STALE_MS;
  // A lock without a holder was made a moment ago and is being written.
  const name = holder === null ? "one that just started" : `process ${holder.pid} on ${holder.host}`;
  return { holder: name, isAlive };
}

/** @throws {ShoalError} E_LOCKED if a living coordinator holds the directory */
export async function takeLock(disk: Disk, path: string): Promise<void> {
  const file = lockPath(path);
  const content = Buffer.from(JSON.stringify({ pid: process.pid, host: hostname() }));
  try {
    await writeLock(disk, file, content, "new");
    return;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  const lock = await readLock(disk, path);
  if (lock?.isAlive === true) {
    throw new ShoalError(
      "E_LOCKED",
      `${path}: another coordinator uses it (${lock.holder}); stop that one first, or remove ${file} if it is gone`,
    );
  }
  await writeLock(disk, file, content, "replace");
}

/** A lock without its content would keep everybody out for a while: on an error it goes. */
async function writeLock(disk: Disk, path: string, content: Uint8Array, mode: OpenMode): Promise<void> {
  const file = await disk.open(path, mode);
  try {
    await file.write(content);
  } catch (error) {
    await disk.remove(path);
    throw error;
  } finally {
    await file.close();
  }
}

async function readHolder(
  disk: Disk,
  file: string,
): Promise<{ readonly pid: number; readonly host: string } | null> {
  try {
    const text = new TextDecoder().decode(await disk.read(file));
    return z.object({ pid: z.int(), host: z.string() }).parse(JSON.parse(text));
  } catch {
    return null;
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
