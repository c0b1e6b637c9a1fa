import type { DatasetConfig } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { PreparedStore } from "./data-set.ts";
import { dataSetOf } from "./data-sets.ts";
import type { DatasetEvent, OnDatasetEvent } from "./dataset-event.ts";
import { stopAtEvents } from "./stop-at-events.ts";

export interface PrepareOptions {
  /** Directory of the data set's files, for sources that have files. Default: its environment variable. */
  readonly dataDir?: string | undefined;
  readonly cacheDir: string;
  /** Download what is nowhere to be found. Default false. */
  readonly download?: boolean | undefined;
  readonly onProgress?: OnDatasetEvent | undefined;
  /** Stops a packing, which the next call goes on with. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes all packed stores of a data set, so that every later start takes well under a second.
 *
 * Stores that are there already are verified and kept. A data set without files gives none.
 *
 * @throws {ShoalError} what `openTaskSource` throws, and E_DISK if a store cannot be written
 */
export async function prepareDataSet(
  config: DatasetConfig,
  options: PrepareOptions,
): Promise<readonly PreparedStore[]> {
  const { dataDir = null, cacheDir, download = false, signal } = options;
  const onEvent = stopAtEvents((event: DatasetEvent) => {
    options.onProgress?.(event);
    if (event.type === "cache-unavailable") throw notWritten(event.path, event.reason);
  }, signal);
  return dataSetOf(config.source).prepare(config, { dataDir, cacheDir, download, onEvent, signal });
}

function notWritten(path: string, reason: string): ShoalError {
  return new ShoalError(
    "E_DISK",
    `${path}: the packed store cannot be written: ${reason}; make room, or name another cache directory`,
  );
}
