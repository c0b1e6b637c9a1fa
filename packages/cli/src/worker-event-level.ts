import type { WorkerEvent } from "@shoal/worker";
import type { LogLevel } from "./event-log.ts";

const levels: { readonly [T in WorkerEvent["type"]]: LogLevel } = {
  waiting: "warn",
  "still-waiting": "warn",
  lost: "warn",
  "block-failed": "warn",
  "graph-cache-rejected": "warn",
  "graph-cache-unavailable": "warn",
  connected: "info",
  preparing: "info",
  compiling: "info",
  ready: "info",
  dismissed: "info",
  block: "debug",
};

/** How loud an event of a worker is in a log. */
export function workerEventLevel({ type }: WorkerEvent): LogLevel {
  return levels[type];
}
