import type { Command } from "../command.ts";
import { hostEvaluation } from "../host-run.ts";
import { loadNamedRun } from "../stored-run.ts";

export const evaluate: Command = {
  name: "evaluate",
  summary: "Meta-test a checkpoint, or the last step of a run directory, on held-out tasks.",
  arguments: "<run>",
  options: [
    "split",
    "tasks",
    "test-steps",
    "test-batch-norm",
    "workers",
    "threads",
    "device",
    "data",
    "cache-dir",
    "no-compile-cache",
    "download",
    "log",
    "log-level",
    "json",
  ],
  example: "shoal evaluate runs/quickstart --tasks 1000",
  async run(invocation) {
    return hostEvaluation(invocation, await loadNamedRun(invocation));
  },
};
