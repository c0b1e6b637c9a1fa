import type { WorkerEvent } from "@shoal/worker";
import { duration } from "../format.ts";
import { describeEvent, waitingText } from "../run-display.ts";
import type { RelayEvent } from "./start-relay.ts";

/** One line for people about what happens to a relay, or null for what they need not see. */
export function describeRelayEvent(event: RelayEvent): string | null {
  switch (event.type) {
    case "upstream":
      return describeUpstream(event.event);
    case "downstream":
      switch (event.event.type) {
        // A relay's rounds are its coordinator's blocks, and it is over when its coordinator says so.
        case "step":
        case "evaluation":
        case "done":
          return null;
        case "waiting":
          return waitingText(event.event);
        default:
          return describeEvent(event.event);
      }
    case "connection-refused":
      return describeEvent(event);
    case "listening":
      return null;
  }
}

/** What a relay waits for, and who ends the wait. */
const waits: { readonly [F in Extract<WorkerEvent, { type: "still-waiting" }>["for"]]: string } = {
  coordinator:
    "waiting for the coordinator to let this relay in; one that says nothing for 10 s is tried again",
  data: "waiting for data",
  graphs: "waiting for graphs",
  workers: "waiting for workers of this relay (--min-workers)",
  lease: "no lease: others compute what is left, or the run is paused (shoal why says more)",
};

function describeUpstream(event: WorkerEvent): string | null {
  switch (event.type) {
    case "waiting":
      return `${event.reason}; next try in ${duration(event.retryMs)}, for another ${duration(event.deadlineMs)}`;
    case "still-waiting":
      return `${waits[event.for]}; ${duration(event.waitedMs)} so far`;
    case "connected":
      return `joined run ${event.runId} at ${event.peer} as ${event.workerId}`;
    case "preparing":
      return "waiting for workers";
    case "ready":
      return `ready: ${event.slots} slots on ${event.device} (${event.description})`;
    case "block-failed":
      return `a block failed: ${event.message} (${event.code})`;
    case "dismissed":
      return `told to leave: ${event.reason}`;
    case "lost":
      return `${event.reason}; ${event.keptResults} finished blocks are kept for the next connection`;
    case "block":
    case "compiling":
    case "graph-cache-rejected":
    case "graph-cache-unavailable":
      return null;
  }
}
