// A lock file between processes of one checkout, with a deadline.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 200;

/**
 * Runs `work` while this process alone holds the lock file at `path`.
 *
 * A lock whose process died is taken over. A process on another machine that shares the disk cannot be
 * asked, so its lock is waited for.
 *
 * @template T
 * @param {string} path
 * @param {{ waitMsMax: number, say: (message: string) => void }} options
 * @param {() => T | Promise<T>} work
 * @returns {Promise<T>}
 * @throws {Error} when the holder has not let go after `waitMsMax`
 */
export async function withLock(path, { waitMsMax, say }, work) {
  const mine = JSON.stringify({ pid: process.pid, host: hostname(), sinceMs: Date.now() });
  const deadlineMs = Date.now() + waitMsMax;
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; !tryCreate(path, mine); ) {
    const holder = read(path);
    if (holder !== null && isDead(holder)) {
      takeAway(path, holder);
      continue;
    }
    if (Date.now() > deadlineMs) {
      throw new Error(
        `${path} is still held after ${waitMsMax / 1000} s by ${holder}; delete it if that process is gone`,
      );
    }
    if (!told) say(`waiting for another process that installs or builds here: ${holder}`);
    told = true;
    await sleep(pollMs);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { force: true });
  }
}

/** @param {string} path @param {string} content */
function tryCreate(path, content) {
  try {
    writeFileSync(path, content, { flag: "wx" });
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The content of the lock; null if it is gone or not yet written. @param {string} path */
function read(path) {
  try {
    return readFileSync(path, "utf8") || null;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}

/** @param {string} content */
function isDead(content) {
  const { pid, host } = JSON.parse(content);
  if (host !== hostname()) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === "ESRCH";
  }
}

/**
 * Removes the lock of a dead process. Renamed first: of several that try at once, one succeeds. Should a
 * living process have taken the lock between reading and renaming, it is put back.
 *
 * @param {string} path
 * @param {string} dead
 */
function takeAway(path, dead) {
  const aside = `${path}.${process.pid}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return;
    throw error;
  }
  const taken = read(aside);
  rmSync(aside);
  if (taken !== null && taken !== dead) tryCreate(path, taken);
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
