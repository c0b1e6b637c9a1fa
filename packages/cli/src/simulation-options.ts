import { faultKinds } from "./chaos/fault.ts";
import type { OptionSpec } from "./option-spec.ts";

/** The part of the option table that is about simulated runs, and about faults in real ones. */
export const simulationOptions = {
  // What is simulated
  "task-ms": { type: "number", above: 0, fallback: 20, help: "time of one task on one thread, in ms" },
  slow: {
    type: "text",
    value: "<count:factor>",
    unset: "none",
    help: "so many workers are so many times slower: 1:3",
  },
  mtbf: { type: "duration", unset: "never", help: "mean time between failures of a worker's machine" },
  "coordinator-mtbf": {
    type: "duration",
    unset: "never",
    help: "mean time between failures of the coordinator's machine",
  },
  "restart-after": {
    type: "duration",
    fallback: "30s",
    help: "time until a machine that failed is there again",
  },
  "prepare-for": {
    type: "duration",
    fallback: "5s",
    help: "time in which a worker loads its data and compiles",
  },
  params: { type: "integer", min: 1, fallback: 112_000, help: "parameters of the model, 4 bytes each" },
  latency: { type: "duration", fallback: "1ms", help: "one way between a worker and the coordinator" },
  bandwidth: {
    type: "text",
    value: "<rate>",
    fallback: "1gbit",
    help: "of every machine's network card, each way: 100mbit, 10gbit",
  },
  storm: {
    type: "flag",
    help: "instead of a plan: small runs to which everything happens that can, one per seed",
  },
  seeds: { type: "integer", min: 1, fallback: 100, help: "with --storm: how many seeds, from --seed on" },

  // What happens to a run
  "kill-every": { type: "duration", fallback: "5s", help: "mean time between two faults" },
  for: { type: "duration", fallback: "2m", help: "time in which faults happen; then the run may end" },
  faults: {
    type: "text",
    value: "<kinds>",
    fallback: Object.keys(faultKinds).join(","),
    help: "kinds of faults, with commas",
  },
  "quiet-hash": {
    type: "text",
    value: "<hex>",
    help: "paramsHash that the run has to end in",
    unset: "that of a quiet run, made first",
  },
} as const satisfies { readonly [name: string]: OptionSpec };
