import type { OptionName } from "./option-table.ts";

/** Options that choose and change an experiment. */
export const experimentOptions: readonly OptionName[] = [
  "preset",
  "list-presets",
  "config",
  "dataset",
  "ways",
  "shots",
  "queries",
  "test-queries",
  "pixels",
  "algorithm",
  "inner-steps",
  "test-steps",
  "inner-lr",
  "meta-lr",
  "meta-batch",
  "tasks-per-leaf",
  "filters",
  "steps",
  "evaluate-every",
  "test-tasks",
  "seed",
];
