import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "./dataset-event.ts";
import { downloadAttemptsMax, downloadBytesMax, downloadDeadlineMs, downloadStallMs } from "./limits.ts";

export interface DownloadOptions {
  readonly url: string;
  /** Where the whole, checked file goes. Until then it grows in `${path}.part`. */
  readonly path: string;
  /** MD5 (hex) of the whole file, as its publisher gives it. */
  readonly md5: string;
  readonly onEvent: OnDatasetEvent;
  readonly signal?: AbortSignal | undefined;
  /** Longest wait for a byte, in ms. Default 30 000. */
  readonly stallMs?: number | undefined;
  /** Longest time for the whole file, in ms. Default 30 minutes. */
  readonly deadlineMs?: number | undefined;
}

/** What one attempt ended in. `broken` may be taken up again; `refused` would be refused again. */
type Attempt =
  | { readonly type: "whole" }
  | { readonly type: "broken"; readonly reason: string; readonly cause?: unknown }
  | { readonly type: "refused"; readonly reason: string };

/**
 * Downloads one file, takes a broken download up where it stopped, checks it and moves it into place.
 *
 * A download that breaks off for good leaves `${path}.part`, from which the next call goes on; one with
 * the wrong checksum leaves nothing. `path` is only ever the whole file.
 *
 * @throws {ShoalError} E_DOWNLOAD (refused, broken off, stalled, too late), E_CHECKSUM, E_DISK
 */
export async function downloadFile(options: DownloadOptions): Promise<void> {
  const { url, path, md5, onEvent } = options;
  const partPath = `${path}.part`;
  const deadline = AbortSignal.timeout(options.deadlineMs ?? downloadDeadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  await onDisk(partPath, mkdir(dirname(path), { recursive: true }));

  let resumed = (await sizeOf(partPath)) > 0;
  for (let attempt = 1; ; attempt++) {
    const result = await attemptDownload(options, partPath, signal);
    if (result.type === "whole") {
      const actual = await md5Of(partPath);
      if (actual === md5) break;
      await rm(partPath, { force: true });
      // The beginning may be of another version of the file: one fresh download decides.
      if (!resumed) throw wrongChecksum(url, md5, actual);
      resumed = false;
      onEvent({ type: "download-retry", url, attempt, reason: "the resumed file has the wrong checksum" });
      continue;
    }
    if (result.type === "refused" || signal.aborted || attempt >= downloadAttemptsMax) {
      throw failed(options, partPath, result, attempt, deadline.aborted);
    }
    resumed = true;
    onEvent({ type: "download-retry", url, attempt, reason: result.reason });
  }
  await onDisk(path, rename(partPath, path));
}

async function attemptDownload(
  options: DownloadOptions,
  partPath: string,
  signal: AbortSignal,
): Promise<Attempt> {
  const stallMs = options.stallMs ?? downloadStallMs;
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(), stallMs);
  try {
    return await receive(options, partPath, AbortSignal.any([signal, stalled.signal]), () => timer.refresh());
  } catch (error) {
    if (isDiskError(error)) throw diskError(partPath, error);
    const reason = stalled.signal.aborted ? `no byte came for ${stallMs} ms` : reasonOf(error);
    return { type: "broken", reason, cause: error };
  } finally {
    clearTimeout(timer);
  }
}

/** Asks for what is missing of `partPath` and appends it. */
async function receive(
  { url, onEvent }: DownloadOptions,
  partPath: string,
  signal: AbortSignal,
  onBytes: () => void,
): Promise<Attempt> {
  const have = await sizeOf(partPath);
  const headers =
    have > 0 ? { range: `bytes=${have}-`, "accept-encoding": "identity" } : { "accept-encoding": "identity" };
  const response = await fetch(url, { headers, signal });
  if (response.status === 416) {
    // Nothing is missing, or the part is longer than the file: the checksum tells.
    await response.body?.cancel();
    return { type: "whole" };
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    const reason = `the server answered ${response.status} ${response.statusText}`.trimEnd();
    return { type: response.status >= 500 || response.status === 429 ? "broken" : "refused", reason };
  }
  // A server that knows no ranges sends the whole file: begin again.
  const start = response.status === 206 ? have : 0;
  const length = Number(response.headers.get("content-length"));
  const total =
    response.headers.has("content-length") && Number.isSafeInteger(length) ? start + length : null;
  let done = start;
  const count = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      onBytes();
      done += chunk.length;
      if (done > downloadBytesMax) {
        callback(new Error(`more than ${downloadBytesMax} bytes came`));
        return;
      }
      onEvent({ type: "progress", stage: "download", what: url, done, total, unit: "bytes" });
      callback(null, chunk);
    },
  });
  const file = createWriteStream(partPath, { flags: start > 0 ? "a" : "w" });
  await pipeline(response.body, count, file, { signal });
  return total !== null && done < total
    ? { type: "broken", reason: `the answer ended after ${done} of ${total} bytes` }
    : { type: "whole" };
}

function failed(
  { url, deadlineMs, signal }: DownloadOptions,
  partPath: string,
  result: Exclude<Attempt, { type: "whole" }>,
  attempts: number,
  isLate: boolean,
): ShoalError {
  if (result.type === "refused") {
    return new ShoalError(
      "E_DOWNLOAD",
      `${url}: expected a file, but ${result.reason}; get it in another way`,
    );
  }
  const isInterrupted = signal?.aborted === true;
  const why = isLate
    ? `it was not whole after ${deadlineMs ?? downloadDeadlineMs} ms`
    : isInterrupted
      ? "it was interrupted"
      : `${result.reason} (${attempts} attempts)`;
  return new ShoalError(
    isInterrupted ? "E_INTERRUPTED" : "E_DOWNLOAD",
    `${url}: the download broke off: ${why}; run the command again to go on from ${partPath}`,
    { cause: result.cause },
  );
}

function wrongChecksum(url: string, expected: string, actual: string): ShoalError {
  return new ShoalError(
    "E_CHECKSUM",
    `${url}: expected a file with MD5 ${expected}, got ${actual}; the file was removed; ` +
      "a proxy may have changed it, get it in another way",
  );
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash("md5");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

async function onDisk<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw diskError(path, error);
  }
}

function diskError(path: string, error: unknown): ShoalError {
  return new ShoalError(
    "E_DISK",
    `${path}: cannot be written: ${(error as Error).message}; make room, or name another directory`,
    { cause: error },
  );
}

/** True for an error of our own file; errors of the network carry no path and no `syscall: "write"`. */
function isDiskError(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  const codes = ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO", "EFBIG", "EISDIR"];
  return (syscall === "open" || syscall === "write") && code !== undefined && codes.includes(code);
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error && cause.message !== "" ? `${message}: ${cause.message}` : message;
}
