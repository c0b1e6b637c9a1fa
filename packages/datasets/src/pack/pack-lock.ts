import { randomUUID } from "node:crypto";
import { readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { packLockStaleMs, packWaitMs } from "../limits.ts";

/**
 * Runs `work` while no other process does work under the same lock file.
 *
 * The holder touches its file while it lives; one whose process is gone (on this machine), or that was
 * not touched for a minute (on any), is taken over.
 *
 * @param onWait called once, with who holds the lock, if it has to be waited for
 */
export async function withLock<T>(
  path: string,
  onWait: (holder: string) => void,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const holder = `${hostname()} ${process.pid} ${randomUUID().slice(0, 8)}`;
  let isAnnounced = false;
  while (!(await take(path, holder))) {
    signal?.throwIfAborted();
    const other = await liveHolder(path);
    if (other === null) {
      await rm(path, { force: true });
      continue;
    }
    if (!isAnnounced) onWait(other);
    isAnnounced = true;
    await wait(packWaitMs, undefined, { signal });
  }
  const touch = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, packLockStaleMs / 6);
  touch.unref();
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await rm(path, { force: true });
  }
}

async function take(path: string, holder: string): Promise<boolean> {
  try {
    await writeFile(path, holder, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Who holds the lock; null if it is free or its holder is gone. */
async function liveHolder(path: string): Promise<string | null> {
  const status = await stat(path).catch(() => null);
  if (status === null || Date.now() - status.mtimeMs > packLockStaleMs) return null;
  const holder = await readFile(path, "utf8").catch(() => "");
  const [host, pid] = holder.split(" ");
  if (host !== hostname()) return holder;
  try {
    process.kill(Number(pid), 0);
    return holder;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? holder : null;
  }
}
