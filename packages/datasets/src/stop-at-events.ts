import { ShoalError } from "@shoal/core/outer";
import type { OnDatasetEvent } from "./dataset-event.ts";

/**
 * `onEvent`, and an end to reading or drawing once `signal` is aborted: what is made in memory is lost, a few seconds'
 * work. Packing and downloads look at the signal themselves, because they keep what is done.
 *
 * @throws {ShoalError} the result throws E_INTERRUPTED
 */
export function stopAtEvents(onEvent: OnDatasetEvent, signal: AbortSignal | undefined): OnDatasetEvent {
  return (event) => {
    onEvent(event);
    const isInMemory = event.type === "progress" && (event.stage === "read" || event.stage === "draw");
    if (isInMemory && signal?.aborted === true) {
      throw new ShoalError(
        "E_INTERRUPTED",
        `${event.what}: stopped after ${event.done} of ${event.total} ${event.unit}; the next start reads them anew`,
      );
    }
  };
}
