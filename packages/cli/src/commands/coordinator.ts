import type { Command } from "../command.ts";
import { COORDINATOR_PORT, hostTraining } from "../host-run.ts";
import { experimentOptions, listeningOptions } from "../option-groups.ts";

export const coordinator: Command = {
  name: "coordinator",
  summary: "Only the coordinator: workers join over the network with shoal worker.",
  arguments: "",
  options: [
    ...experimentOptions.filter((name) => name !== "list-presets"),
    "port",
    ...listeningOptions,
    "min-workers",
    "wait-for",
    "data",
    "cache-dir",
    "download",
    "run-dir",
    "resume",
    "checkpoint-every",
    "log-gradient-mb",
    "no-hedge",
    "audit",
    "log",
    "log-level",
    "json",
  ],
  example: "shoal coordinator --preset quickstart --port 8471 --min-workers 2",
  run: (invocation) =>
    hostTraining(invocation, {
      localWorkers: 0,
      address: invocation.values.host ?? "127.0.0.1",
      port: invocation.values.port ?? COORDINATOR_PORT,
    }),
};
