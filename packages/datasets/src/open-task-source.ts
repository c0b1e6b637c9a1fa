import type { DatasetConfig, TaskSource } from "@shoal/core";
import { dataSetOf } from "./data-sets.ts";
import type { OnDatasetEvent } from "./dataset-event.ts";
import { stopAtEvents } from "./stop-at-events.ts";

export interface OpenTaskSourceOptions {
  /** Seeds every episode; never the split. */
  readonly seed: number;
  /** The experiment's: episodes of one leaf have one shape, where a source has several. Default 1. */
  readonly tasksPerLeaf?: number | undefined;
  /** Directory of the data set's files, for sources that have files. Default: its environment variable. */
  readonly dataDir?: string | undefined;
  /** Directory of packed stores and downloads. Default: nothing is kept. */
  readonly cacheDir?: string | undefined;
  /** Download what is nowhere to be found. Default false. */
  readonly download?: boolean | undefined;
  readonly onProgress?: OnDatasetEvent | undefined;
  /** Stops a packing, which the next call goes on with. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens the source of tasks that an experiment names.
 *
 * What the configuration asks for is checked before any file is opened. Glyphs and Omniglot are held in
 * memory (16 and 25 MB); larger sets are packed into the cache once and read from there.
 *
 * @throws {ShoalError} E_DATASET_CONFIG, E_DATASET_MISSING, E_DATASET_CORRUPT, E_DATASET_CONTENT,
 *   E_DOWNLOAD, E_CHECKSUM, E_DISK, E_INTERRUPTED
 */
export async function openTaskSource(
  config: DatasetConfig,
  options: OpenTaskSourceOptions,
): Promise<TaskSource> {
  const { seed, dataDir = null, cacheDir = null, download = false } = options;
  const { tasksPerLeaf = 1, onProgress = ignore, signal } = options;
  return dataSetOf(config.source).open(config, {
    seed,
    tasksPerLeaf,
    dataDir,
    cacheDir,
    download,
    onEvent: stopAtEvents(onProgress, signal),
    signal,
  });
}

function ignore(): void {}
