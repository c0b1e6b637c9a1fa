import type { DatasetConfig, TaskSource } from "@shoal/core";
import type { OnDatasetEvent } from "./dataset-event.ts";
import { openGlyphs } from "./glyphs/open-glyphs.ts";
import { openOmniglot } from "./omniglot/open-omniglot.ts";
import { openSinusoid } from "./sinusoid.ts";

export interface OpenTaskSourceOptions {
  /** Seeds every episode; never the split. */
  readonly seed: number;
  /** Directory of the data set's files, for sources that have files. Default: SHOAL_OMNIGLOT_DIR. */
  readonly dataDir?: string | undefined;
  /** Directory of packed stores and downloads. Default: nothing is kept. */
  readonly cacheDir?: string | undefined;
  /** Download what is nowhere to be found. Default false. */
  readonly download?: boolean | undefined;
  readonly onProgress?: OnDatasetEvent | undefined;
}

/**
 * Opens the source of tasks that an experiment names.
 *
 * What the configuration asks for is checked before any file is opened. The images are held in memory
 * (glyphs 16 MB, Omniglot 25 MB), so `episode` reads no disk.
 *
 * @throws {ShoalError} E_DATASET_CONFIG, E_DATASET_MISSING, E_DATASET_CORRUPT, E_DATASET_CONTENT,
 *   E_DOWNLOAD, E_CHECKSUM, E_DISK
 */
export async function openTaskSource(
  config: DatasetConfig,
  options: OpenTaskSourceOptions,
): Promise<TaskSource> {
  const { seed, dataDir = null, cacheDir = null, download = false, onProgress: onEvent = ignore } = options;
  switch (config.source) {
    case "sinusoid":
      return openSinusoid(config, seed);
    case "glyphs":
      return openGlyphs(config, { seed, cacheDir, onEvent });
    case "omniglot":
      return openOmniglot(config, { seed, dataDir, cacheDir, download, onEvent });
  }
}

function ignore(): void {}
