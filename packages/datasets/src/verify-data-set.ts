import type { DatasetConfig } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import type { DataSetCheck } from "./data-set.ts";
import { dataSetOf } from "./data-sets.ts";
import type { OnDatasetEvent } from "./dataset-event.ts";
import { stopAtEvents } from "./stop-at-events.ts";

export interface VerifyOptions {
  readonly dataDir?: string | undefined;
  readonly cacheDir: string;
  readonly onProgress?: OnDatasetEvent | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares a data set's files with what they should be, and each packed store with the files or, where they
 * are gone, with its own hash.
 *
 * Faults are in the report, not thrown; nothing is changed on disk.
 */
export async function verifyDataSet(
  config: DatasetConfig,
  options: VerifyOptions,
): Promise<readonly DataSetCheck[]> {
  const { dataDir = null, cacheDir, onProgress = () => {}, signal } = options;
  return dataSetOf(config.source).verify(config, {
    dataDir,
    cacheDir,
    download: false,
    onEvent: stopAtEvents(onProgress, signal),
    signal,
  });
}

/** @throws {ShoalError} E_DATASET_CORRUPT with every fault of the report */
export function assertNoFaults(checks: readonly DataSetCheck[]): void {
  const faults = checks.filter(({ outcome }) => outcome === "faulty");
  if (faults.length > 0) {
    throw new ShoalError("E_DATASET_CORRUPT", faults.map(({ detail }) => detail).join("\n"));
  }
}
