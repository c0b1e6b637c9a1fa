import { hostname, userInfo } from "node:os";
import { askCoordinator } from "../ask-coordinator.ts";
import { type Command, EXIT } from "../command.ts";
import { findCoordinator } from "../find-coordinator.ts";
import type { OptionName } from "../option-table.ts";
import { usageError } from "../usage-error.ts";

/** A command that changes a run by one request, for which the admin's token is needed. */
function steer(name: string, summary: string, options: readonly OptionName[]): Command {
  return {
    name,
    summary: `${summary} [run]: a run directory, or a coordinator's URL.`,
    arguments: "[run]",
    options: [...options, "fingerprint", "token-file", "insecure", "json"],
    example: `shoal ${name}${options.includes("worker") ? " --worker local-1" : ""} ws://127.0.0.1:8471 --token-file shoal-tokens`,
    async run({ positional, values, terminal }) {
      const query = new URLSearchParams({ by: `${userName()}@${hostname()}` });
      if (options.includes("worker") && values.worker === undefined) {
        throw usageError("--worker: expected the name or id of a worker, got none; shoal status lists them");
      }
      if (values.worker !== undefined) query.set("worker", values.worker);
      if (values.reason !== undefined) query.set("reason", values.reason);
      const answer = await askCoordinator(findCoordinator(positional[0], values), {
        method: "POST",
        path: `/${name}?${query.toString()}`,
        scope: "admin",
      });
      terminal.line(answer.trim());
      terminal.json({ event: name, answer: answer.trim() });
      return EXIT.done;
    },
  };
}

export const pause: Command = steer(
  "pause",
  "Hold a run: what is leased is finished, nothing new is leased; workers stay.",
  ["reason"],
);

export const resume: Command = steer("resume", "Let a run go on that was paused.", []);

export const drain: Command = steer(
  "drain",
  "Tell a worker to leave: it finishes what it has begun, hands the rest back, and ends.",
  ["worker", "reason"],
);

export const stop: Command = steer("stop", "End a run after saving a checkpoint; it can be resumed.", [
  "reason",
]);

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container's user may have a number and no name.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
