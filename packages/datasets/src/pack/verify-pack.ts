import { setImmediate } from "node:timers/promises";
import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "../dataset-event.ts";
import type { PackedImages } from "./open-pack.ts";

/**
 * Hashes every class of a pack.
 *
 * @throws {ShoalError} E_DATASET_CORRUPT for the first class whose bytes are not those that were packed
 */
export async function verifyPack(
  dataset: string,
  pack: PackedImages,
  onEvent: OnDatasetEvent,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { classes } = pack.index;
  const imageBytes = pack.height * pack.width * pack.channels;
  const total = classes.reduce((sum, { images }) => sum + images, 0) * imageBytes;
  let done = 0;
  for (const [c, { images }] of classes.entries()) {
    if (signal?.aborted === true)
      throw new ShoalError("E_INTERRUPTED", `${dataset}: stopped while verifying`);
    pack.verifyClass(c);
    done += images * imageBytes;
    onEvent({ type: "progress", stage: "hash", what: dataset, done, total, unit: "bytes" });
    await setImmediate();
  }
}
