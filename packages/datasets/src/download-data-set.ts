import type { DatasetName } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "./dataset-event.ts";
import { downloadOmniglot } from "./omniglot/download-omniglot.ts";
import { omniglotDownloadDir } from "./omniglot/load-omniglot.ts";

export interface DownloadDataSetOptions {
  readonly cacheDir: string;
  /** Where the files go. Default: a folder of the cache, where every later start looks. */
  readonly dataDir?: string | undefined;
  /** A mirror with the same files. Default: the authors'. */
  readonly baseUrl?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnDatasetEvent | undefined;
}

/**
 * Downloads a data set's files from its authors.
 *
 * @returns the paths of the files
 * @throws {ShoalError} E_DATASET_CONFIG if the data set has no files, else what `downloadFile` throws
 */
export async function downloadDataSet(name: DatasetName, options: DownloadDataSetOptions): Promise<string[]> {
  if (name !== "omniglot") {
    throw new ShoalError(
      "E_DATASET_CONFIG",
      `${name}: expected a data set that its authors let anyone download (omniglot), got one of others`,
    );
  }
  return downloadOmniglot({
    directory: options.dataDir ?? omniglotDownloadDir(options.cacheDir),
    baseUrl: options.baseUrl,
    signal: options.signal,
    onEvent: options.onProgress ?? (() => {}),
  });
}
