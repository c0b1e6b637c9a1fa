import type { CoordinatorEvent } from "./coordinator-event.ts";

/** `error`: someone must act; `warn`: the run goes on but differently; `debug`: several a second. */
export type EventLevel = "error" | "warn" | "info" | "debug";

const levels: { readonly [T in CoordinatorEvent["type"]]: EventLevel } = {
  "checkpoint-failed": "error",
  "disk-full": "error",
  "disk-has-room": "warn",
  "result-mismatch": "error",
  "endpoint-failed": "error",
  "connection-refused": "warn",
  "connection-lost": "warn",
  "worker-dismissed": "info",
  "worker-draining": "info",
  "worker-slots": "info",
  "worker-left": "warn",
  "worker-refused": "warn",
  waiting: "warn",
  paused: "warn",
  "was-away": "warn",
  "lease-late": "warn",
  "block-failed": "warn",
  listening: "info",
  "worker-joined": "info",
  "worker-ready": "info",
  "waiting-over": "info",
  resumed: "info",
  step: "info",
  evaluation: "info",
  "checkpoint-saved": "info",
  done: "info",
  "round-started": "debug",
  "result-unused": "debug",
};

export function levelOf(event: CoordinatorEvent): EventLevel {
  return event.type === "done" && event.outcome.type === "failed" ? "error" : levels[event.type];
}
