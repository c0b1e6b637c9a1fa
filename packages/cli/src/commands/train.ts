import { presets } from "@shoal/core";
import { type Command, EXIT } from "../command.ts";
import { readDevices } from "../devices.ts";
import { hostTraining } from "../host-run.ts";
import { experimentOptions, listeningOptions } from "../option-groups.ts";

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
    "no-compile-cache",
    "download",
    "run-dir",
    "resume",
    "checkpoint-every",
    "log-gradient-mb",
    "no-hedge",
    "audit",
    "port",
    ...listeningOptions,
    "log",
    "log-level",
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
    const devices = await readDevices(values.device!, 1);
    // Two processes on one GPU would only wait for each other.
    const fallback = devices.every(({ name }) => name === "cpu") ? values.workers! : 1;
    const localWorkers = invocation.given.has("workers") ? values.workers! : fallback;
    return hostTraining(invocation, {
      localWorkers,
      address: values.host ?? "127.0.0.1",
      port: values.port ?? 0,
    });
  },
};
