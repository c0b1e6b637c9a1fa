import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { OnDatasetEvent } from "../dataset-event.ts";
import { downloadFile } from "../download-file.ts";
import { omniglotParts, omniglotUrl } from "./parts.ts";

export interface DownloadOmniglotOptions {
  /** Where the two archives go. */
  readonly directory: string;
  readonly onEvent: OnDatasetEvent;
  /** A mirror of the authors' folder. Default: their repository on GitHub. */
  readonly baseUrl?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Downloads the authors' two archives, one after the other, each checked by its MD5; archives that are
 * there stay as they are.
 *
 * @returns the paths of the archives
 * @throws {ShoalError} E_DOWNLOAD, E_CHECKSUM, E_DISK, see `downloadFile`
 */
export async function downloadOmniglot(options: DownloadOmniglotOptions): Promise<string[]> {
  const { directory, onEvent, baseUrl = omniglotUrl, signal } = options;
  const paths: string[] = [];
  for (const part of omniglotParts) {
    const path = join(directory, `${part.name}.zip`);
    const isThere = (await stat(path).catch(() => null)) !== null;
    if (!isThere) {
      await downloadFile({ url: `${baseUrl}/${part.name}.zip`, path, md5: part.archiveMd5, onEvent, signal });
    }
    paths.push(path);
  }
  return paths;
}
