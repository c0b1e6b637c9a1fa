import { algorithms, datasetNames } from "@shoal/core";
import { defaultCacheDir } from "@shoal/datasets";
import type { OptionSpec } from "./option-spec.ts";
import { simulationOptions } from "./simulation-options.ts";

/**
 * Every option of every command, declared once: parsing, validation, `--help` and the printed
 * configuration come from this table.
 */

/** What one command says otherwise about an option. */
export interface OptionOverride {
  readonly help?: string;
  readonly unset?: string;
  readonly fallback?: number | string;
  readonly max?: number;
}

const fromPreset = { unset: "the preset's" } as const;

export const optionTable = {
  // The experiment
  preset: {
    type: "text",
    value: "<name>",
    fallback: "quickstart",
    help: "experiment to start from (shoal train --list-presets)",
  },
  "list-presets": { type: "flag", help: "print the presets and exit" },
  config: { type: "text", value: "<file>", help: "JSON whose fields replace the preset's" },
  dataset: {
    type: "choice",
    choices: datasetNames,
    help: "source of tasks",
    path: "dataset.source",
    ...fromPreset,
  },
  ways: { type: "integer", min: 2, help: "classes per episode", path: "dataset.ways", ...fromPreset },
  "train-ways": {
    type: "integer",
    min: 2,
    help: "classes per training episode (protonet, matchingnet: they have no head)",
    path: "dataset.trainWays",
    isOptional: true,
    unset: "the ways",
  },
  shots: {
    type: "integer",
    min: 1,
    help: "support examples per class",
    path: "dataset.shots",
    ...fromPreset,
  },
  "train-shots": {
    type: "integer",
    min: 1,
    help: "support examples per class in training episodes",
    path: "dataset.trainShots",
    isOptional: true,
    unset: "the shots",
  },
  queries: {
    type: "integer",
    min: 1,
    help: "query examples per class in training episodes",
    path: "dataset.queries",
    ...fromPreset,
  },
  "test-queries": {
    type: "integer",
    min: 1,
    help: "query examples per class in evaluation episodes",
    path: "dataset.evaluationQueries",
    ...fromPreset,
  },
  pixels: {
    type: "choice",
    choices: ["binary", "grey"],
    help: "Omniglot images: 1-bit or averaged grey",
    path: "dataset.pixels",
    ...fromPreset,
  },
  families: {
    type: "choice",
    choices: ["none", "alphabet"],
    help: "alphabet: an episode's characters are all of one alphabet (Omniglot, glyphs)",
    isOptional: true,
    path: "dataset.families",
    ...fromPreset,
  },
  "image-side": {
    type: "integer",
    min: 8,
    max: 512,
    help: "height and width of a picture set's images, in pixels",
    path: "dataset.imageSide",
    ...fromPreset,
  },
  normalization: {
    type: "choice",
    choices: ["unit", "imagenet"],
    help: "pictures: byte / 255, or also ImageNet's mean and deviation",
    path: "dataset.normalization",
    ...fromPreset,
  },
  "class-split": {
    type: "choice",
    choices: ["seeded", "vinyals", "background", "alphabets", "100/50/50", "140/30/30"],
    help:
      "how classes are split: Omniglot seeded, by vinyals' lists, by its authors' background and evaluation " +
      "alphabets, or by seeded alphabets; CUB 100/50/50 or 140/30/30",
    isOptional: true,
    path: "dataset.split",
    ...fromPreset,
  },
  "split-seed": {
    type: "integer",
    min: 0,
    max: 0xffff_ffff,
    help: "shuffles classes before they are split, where files do not split them",
    path: "dataset.splitSeed",
    ...fromPreset,
  },
  algorithm: {
    type: "choice",
    choices: algorithms.map(({ name }) => name),
    value: "<name>",
    help: `how to meta-learn: ${algorithms.map(({ name }) => name).join(", ")}`,
    ...fromPreset,
  },
  "inner-steps": {
    type: "integer",
    min: 1,
    help: "gradient steps of the inner loop in training",
    path: "algorithm.innerSteps",
    ...fromPreset,
  },
  "test-steps": {
    type: "integer",
    min: 1,
    help: "gradient steps of the inner loop in evaluation",
    path: "evaluation.innerSteps",
    unset: "the experiment's",
  },
  "test-batch-norm": {
    type: "choice",
    choices: ["transductive", "inductive", "both"],
    help: "whose statistics batch norm takes in evaluation: the query set's own, or the support set's",
    path: "evaluation.batchNorm",
    isOptional: true,
    unset: "the experiment's",
  },
  "inner-lr": {
    type: "number",
    above: 0,
    help: "inner learning rate",
    path: "algorithm.innerRate",
    ...fromPreset,
  },
  "meta-lr": { type: "number", above: 0, help: "outer learning rate", path: "outer.rate", ...fromPreset },
  "meta-batch": { type: "integer", min: 1, help: "tasks per meta-step", path: "metaBatch", ...fromPreset },
  "tasks-per-leaf": {
    type: "integer",
    min: 1,
    help: "tasks that one graph run computes: 4 is up to a fifth faster per core, with fewer shares for workers",
    path: "tasksPerLeaf",
    ...fromPreset,
  },
  wire: {
    type: "choice",
    choices: ["f32", "bf16"],
    help: "bf16: each leaf's gradient is rounded, and takes half the bytes where it travels alone",
    path: "wire",
    isOptional: true,
    ...fromPreset,
  },
  filters: { type: "integer", min: 1, help: "filters of a conv4", path: "model.filters", ...fromPreset },
  steps: { type: "integer", min: 0, help: "meta-steps of the whole run", path: "steps", ...fromPreset },
  "evaluate-every": {
    type: "integer",
    min: 0,
    help: "steps between validations; 0: none",
    path: "evaluation.every",
    ...fromPreset,
  },
  "test-tasks": {
    type: "integer",
    min: 1,
    help: "held-out tasks of the test",
    path: "evaluation.testTasks",
    ...fromPreset,
  },
  seed: {
    type: "integer",
    min: 0,
    max: 0xffff_ffff,
    help: "same seed, same result",
    path: "seed",
    ...fromPreset,
  },

  // Where it runs
  data: {
    type: "text",
    value: "<dir>",
    help: "directory of the data set's files",
    unset: "the data set's variable, such as $SHOAL_OMNIGLOT_DIR",
  },
  "cache-dir": {
    type: "text",
    value: "<dir>",
    help: "packed data sets, downloads and compiled graphs",
    unset: defaultCacheDir(),
  },
  "no-compile-cache": { type: "flag", help: "compile graphs anew, and keep none in the cache directory" },
  download: { type: "flag", help: "download the data set from its authors if it is nowhere to be found" },
  workers: { type: "integer", min: 1, max: 256, fallback: 2, help: "local worker processes" },
  threads: {
    type: "integer",
    min: 1,
    max: 256,
    help: "compute threads per worker",
    unset: "all cores, divided among local workers",
  },
  device: {
    type: "text",
    value: "<names>",
    fallback: "cpu",
    help: "where graphs run: cpu, cuda, cuda:1, webgpu, tensorflow, several with commas, or auto",
  },
  "run-dir": {
    type: "text",
    value: "<dir>",
    help: "checkpoints, metrics and summary",
    unset: "runs/<preset>-<time>",
  },
  resume: { type: "flag", help: "go on with the run in --run-dir at the step it was in" },
  "checkpoint-every": {
    type: "integer",
    min: 1,
    fallback: 500,
    help: "steps between checkpoints; also once a minute",
  },
  "log-gradient-mb": {
    type: "integer",
    min: 0,
    fallback: 16,
    help: "largest gradient that the run's log keeps per step, in MB; above it a killed run goes back to its checkpoint",
  },
  host: { type: "text", value: "<address>", fallback: "127.0.0.1", help: "address to listen on" },
  port: {
    type: "integer",
    min: 0,
    max: 65_535,
    help: "port to listen on; 0: any free one",
    unset: "train: 0, coordinator: 8471",
  },
  advertise: {
    type: "text",
    value: "<name>",
    help: "name or address under which other machines reach the coordinator",
    unset: "this machine's name",
  },
  "tls-cert": { type: "text", value: "<file>", help: "certificate of the coordinator, PEM" },
  "tls-key": { type: "text", value: "<file>", help: "its private key, PEM" },
  "tls-dir": {
    type: "text",
    value: "<dir>",
    help: "where the coordinator keeps a certificate of its own",
    unset: "<run-dir>/tls, when other machines can reach it",
  },
  url: { type: "text", value: "<ws(s)://host:port>", help: "the coordinator to work for" },
  fingerprint: {
    type: "text",
    value: "<hex>",
    help: "SHA-256 of the coordinator's certificate, as the coordinator prints it",
    unset: "this machine's authorities vouch for it",
  },
  rendezvous: {
    type: "text",
    value: "<file>",
    help: "rendezvous.json of a run directory: URL, fingerprint and token of its coordinator",
  },
  "token-file": {
    type: "text",
    value: "<file>",
    help: "tokens that workers and others must present (shoal token)",
  },
  "workers-token-file": {
    type: "text",
    value: "<file>",
    help: "tokens that the relay's workers must present",
    unset: "the --token-file",
  },
  insecure: { type: "flag", help: "let other machines in, and let a token out, without TLS" },
  "no-hedge": { type: "flag", help: "never compute a late block a second time on an idle worker" },
  audit: {
    type: "number",
    above: 0,
    max: 1,
    unset: "none",
    help: "share of blocks computed twice to compare",
  },
  "min-workers": { type: "integer", min: 1, fallback: 1, help: "workers to wait for before the first step" },
  "wait-for": { type: "number", above: 0, fallback: 120, help: "seconds to wait for --min-workers" },
  "reconnect-for": {
    type: "number",
    above: 0,
    fallback: 300,
    help: "seconds to look for a coordinator that is gone",
  },
  "drain-exit-code": {
    type: "integer",
    min: 0,
    max: 255,
    fallback: 0,
    help: "exit code after SIGTERM or shoal drain",
  },
  name: { type: "text", value: "<name>", help: "name of this worker, for people", unset: "host:pid" },

  ...simulationOptions,

  // What is asked
  split: {
    type: "choice",
    choices: ["train", "validation", "test"],
    help: "classes to draw tasks from",
    unset: "evaluate: test, preview: train",
  },
  tasks: {
    type: "integer",
    min: 1,
    help: "tasks to evaluate or draw",
    unset: "evaluate: the experiment's, preview: 1",
  },
  seconds: { type: "number", above: 0, fallback: 10, help: "time to measure" },
  out: { type: "text", short: "o", value: "<file>", help: "file to write", unset: "<dataset>-episode.png" },
  support: { type: "text", value: "<dir>", help: "images to adapt to: a folder per class" },
  query: { type: "text", value: "<dir>", help: "images to predict; in folders per class, scored" },
  svg: { type: "text", value: "<file>", help: "write the learning curve alone, as SVG", unset: "none" },
  format: { type: "choice", choices: ["safetensors", "onnx"], fallback: "safetensors", help: "of the file" },
  worker: { type: "text", value: "<name>", help: "its name or id, as shoal status shows them" },
  reason: { type: "text", value: "<text>", help: "why, for those who ask what the run waits for" },
  log: { type: "text", value: "<file>", help: "append one JSON line per event to this file", unset: "none" },
  "log-level": {
    type: "choice",
    choices: ["error", "warn", "info", "debug"],
    fallback: "info",
    help: "least level that --log writes",
  },
  watch: { type: "flag", help: "look again every second until Ctrl-C" },
  json: { type: "flag", help: "one JSON object per line on standard output, text on standard error" },
} as const satisfies { readonly [name: string]: OptionSpec };

export type OptionName = keyof typeof optionTable;

type ValueOf<S extends OptionSpec> = S extends { type: "flag" }
  ? boolean
  : S extends { type: "integer" | "number" | "duration" }
    ? number
    : S extends { type: "choice"; choices: readonly (infer C)[] }
      ? C
      : string;

/** The values of a command line: what was given, or falls back to a default. */
export type Values = { readonly [N in OptionName]?: ValueOf<(typeof optionTable)[N]> };
