import { loadCheckpoint } from "@shoal/coordinator";
import type { Command } from "../command.ts";
import { hostEvaluation } from "../host-run.ts";

export const evaluate: Command = {
  name: "evaluate",
  summary: "Meta-test a checkpoint, or the last one of a run directory, on held-out tasks.",
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
    const { terminal, positional } = invocation;
    const checkpoint = await loadCheckpoint(positional[0]!, (rejected) => {
      terminal.line(`${rejected.reason}; the one before is used`);
      terminal.json({ event: "checkpoint-rejected", ...rejected });
    });
    return hostEvaluation(invocation, checkpoint);
  },
};
