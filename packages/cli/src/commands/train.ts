import { presets } from "@shoal/core";
import { type Command, EXIT } from "../command.ts";
import { hostTraining } from "../host-run.ts";
import { experimentOptions } from "../option-groups.ts";

export const train: Command = {
  name: "train",
  summary: "Meta-train: a coordinator, local workers, evaluation on held-out tasks, and a run directory.",
  arguments: "",
  options: [
    ...experimentOptions,
    "workers",
    "threads",
    "device",
    "data",
    "cache-dir",
    "download",
    "run-dir",
    "resume",
    "checkpoint-every",
    "port",
    "json",
  ],
  example: "shoal train --preset quickstart --ways 10 --workers 2 --steps 200",
  async run(invocation) {
    const { values, terminal } = invocation;
    if (values["list-presets"] === true) {
      for (const { name, summary, experiment } of presets) {
        terminal.line(`${name.padEnd(22)} ${summary}`);
        terminal.json({ event: "preset", name, summary, experiment });
      }
      return EXIT.done;
    }
    const { workers, port = 0 } = values;
    return hostTraining(invocation, { localWorkers: workers!, address: "127.0.0.1", port });
  },
};
