import { setTimeout as sleep } from "node:timers/promises";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { findCoordinator } from "../find-coordinator.ts";
import { readStatus } from "../read-status.ts";
import { statusText } from "../status-text.ts";

/** Pause between two looks of --watch, in ms. */
const WATCH_MS = 1_000;

export const status: Command = {
  name: "status",
  summary: "Say how a run goes: progress, workers, waits. [run]: a run directory, or a coordinator's URL.",
  arguments: "[run]",
  options: ["watch", "fingerprint", "token-file", "insecure", "json"],
  example: "shoal status ws://127.0.0.1:8471 --watch",
  run,
};

async function run({ positional, values, terminal, signal }: Invocation): Promise<number> {
  const coordinator = findCoordinator(positional[0], values);
  for (;;) {
    const status = await readStatus(coordinator);
    terminal.json({ event: "status", ...status });
    if (values.watch !== true) {
      terminal.line(statusText(status));
      return EXIT.done;
    }
    if (terminal.isLive) terminal.live(statusText(status));
    else terminal.line(statusText(status));
    await sleep(WATCH_MS, undefined, { signal }).catch(() => {});
    if (signal.aborted) {
      terminal.clearLive();
      return EXIT.interrupted;
    }
  }
}
