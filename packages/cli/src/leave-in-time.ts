import { DRAIN_MS } from "@shoal/worker";

/**
 * Whoever sends SIGTERM kills what is not gone soon, and whoever drains a worker waits for it: one that cannot end in
 * good order, its device being stuck, say, ends all the same.
 */
export function leaveInTime(exitCode: number): void {
  setTimeout(() => process.exit(exitCode), DRAIN_MS).unref();
}
