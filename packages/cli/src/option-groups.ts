import type { OptionName } from "./option-table.ts";

/** Options that choose and change an experiment. */
export const experimentOptions: readonly OptionName[] = [
  "preset",
  "list-presets",
  "config",
  "dataset",
  "ways",
  "train-ways",
  "shots",
  "train-shots",
  "queries",
  "test-queries",
  "pixels",
  "families",
  "image-side",
  "normalization",
  "class-split",
  "split-seed",
  "algorithm",
  "inner-steps",
  "test-steps",
  "test-batch-norm",
  "inner-lr",
  "meta-lr",
  "meta-batch",
  "tasks-per-leaf",
  "wire",
  "filters",
  "steps",
  "evaluate-every",
  "test-tasks",
  "seed",
];

/** Options that say who may reach a coordinator, and how it is protected. */
export const listeningOptions: readonly OptionName[] = [
  "host",
  "advertise",
  "token-file",
  "tls-dir",
  "tls-cert",
  "tls-key",
  "insecure",
];
