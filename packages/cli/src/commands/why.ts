import { type Command, EXIT, type Invocation } from "../command.ts";
import { findCoordinator } from "../find-coordinator.ts";
import { readStatus } from "../read-status.ts";

export const why: Command = {
  name: "why",
  summary:
    "Say what a run waits for, for whom and until when. [run]: a run directory, or a coordinator's URL.",
  arguments: "[run]",
  options: ["fingerprint", "token-file", "insecure", "json"],
  example: "shoal why ws://127.0.0.1:8471",
  run,
};

async function run({ positional, values, terminal }: Invocation): Promise<number> {
  const { waits } = await readStatus(findCoordinator(positional[0], values));
  for (const wait of waits) {
    terminal.line(wait.text);
    terminal.json({ event: "wait", ...wait });
  }
  if (waits.length === 0) {
    terminal.line("nothing is waited for");
    terminal.json({ event: "no-wait" });
  }
  return EXIT.done;
}
