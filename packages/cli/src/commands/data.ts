import { writeFile } from "node:fs/promises";
import { type DatasetConfig, type DatasetName, datasetNames, type Experiment, presets } from "@shoal/core";
import {
  assertNoFaults,
  type DatasetInfo,
  drawContactSheet,
  listDataSets,
  openTaskSource,
  prepareDataSet,
  type StoreStatus,
  verifyDataSet,
} from "@shoal/datasets";
import { closest } from "fastest-levenshtein";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { showDataEvents, taskSourceOptions } from "../data-options.ts";
import { bytes, count } from "../format.ts";
import { resolveExperiment } from "../resolve-experiment.ts";
import { usageError } from "../usage-error.ts";

const actions = { list, prepare, verify, preview };

/** Episodes of a preview unless another number is named. */
const PREVIEW_TASKS = 1;

export const data: Command = {
  name: "data",
  summary: "List data sets; pack one for fast starts; verify its files and packs; draw episodes.",
  arguments: `[${Object.keys(actions).join("|")}] [dataset]`,
  options: [
    "dataset",
    "data",
    "cache-dir",
    "download",
    "ways",
    "shots",
    "queries",
    "pixels",
    "families",
    "image-side",
    "normalization",
    "class-split",
    "split-seed",
    "seed",
    "split",
    "tasks",
    "out",
    "json",
  ],
  example: "shoal data preview glyphs --out episode.png",
  async run(invocation) {
    const [action = "list"] = invocation.positional;
    const known = Object.keys(actions);
    if (!known.includes(action)) {
      throw usageError(
        `data: expected one of ${known.join(", ")}, got ${action}; did you mean ${closest(action, known)}?`,
      );
    }
    if (action === "list" && invocation.positional.length > 1) {
      throw usageError(`data list: expected nothing after it, got ${invocation.positional[1]}; it lists all`);
    }
    return actions[action as keyof typeof actions](invocation);
  },
};

async function list({ values, terminal }: Invocation): Promise<number> {
  const { cacheDir } = taskSourceOptions(values);
  for (const info of await listDataSets(cacheDir)) {
    terminal.line(`${info.name.padEnd(NAME_WIDTH)} ${info.description} (${info.licence})`);
    for (const text of placesOf(info)) terminal.line(`${" ".repeat(NAME_WIDTH + 1)}${text}`);
    for (const store of info.stores) {
      terminal.line(`${" ".repeat(NAME_WIDTH + 1)}${store.name}: ${stateOf(store)}`);
    }
    terminal.json({ event: "dataset", ...info });
  }
  terminal.line(`packed stores and downloads: ${cacheDir}`);
  return EXIT.done;
}

const NAME_WIDTH = Math.max(...datasetNames.map(({ length }) => length));

/** Where a data set's files are looked for, and what they may be. */
function placesOf({ variable, formats, stores }: DatasetInfo): string[] {
  if (variable === null) return [];
  const named = process.env[variable] ?? "";
  return [
    `files: --data DIR, else ${variable}${named === "" ? " (not set)" : `=${named}`}`,
    ...formats.map((format) => `  ${format}`),
    ...(stores.length === 0 ? ["not packed yet"] : []),
  ];
}

function stateOf({ path, state }: StoreStatus): string {
  switch (state.type) {
    case "ready": {
      const detail = state.detail === undefined ? "" : `, ${state.detail}`;
      return `packed, ${bytes(state.bytes)}, ${state.contentHash.slice(0, 12)}, ${path}${detail}`;
    }
    case "missing":
      return "not packed yet";
    case "unfinished":
      return `${path} is not finished: ${count(state.images)} images are packed; prepare goes on from there`;
    case "damaged":
      return `${path} is not usable (${state.reason}); it will be packed anew`;
  }
}

async function prepare(invocation: Invocation): Promise<number> {
  const { values, terminal, signal } = invocation;
  const { dataset } = experimentOf(invocation);
  const stores = await prepareDataSet(dataset, {
    ...taskSourceOptions(values),
    onProgress: showDataEvents(terminal),
    signal,
  });
  terminal.clearLive();
  for (const store of stores) {
    const size = `${count(store.classes)} classes, ${count(store.images)} images`;
    terminal.line(`${store.name}: ${size}, content ${store.contentHash.slice(0, 12)}, ${store.path}`);
    terminal.json({ event: "store", ...store });
  }
  if (stores.length === 0) {
    terminal.line(`${dataset.source}: nothing to prepare, its tasks are made as they are asked for`);
  }
  return EXIT.done;
}

async function verify(invocation: Invocation): Promise<number> {
  const { values, terminal, signal } = invocation;
  const { dataset } = experimentOf(invocation);
  const checks = await verifyDataSet(dataset, {
    ...taskSourceOptions(values),
    onProgress: showDataEvents(terminal),
    signal,
  });
  terminal.clearLive();
  for (const check of checks) {
    terminal.line(`${check.outcome.padEnd(7)} ${check.name}: ${check.detail}`);
    terminal.json({ event: "check", ...check });
  }
  assertNoFaults(checks);
  return EXIT.done;
}

/** Draws the first episodes of a split, as a person would check them. */
async function preview(invocation: Invocation): Promise<number> {
  const { values, terminal, signal } = invocation;
  const { dataset, seed } = experimentOf(invocation);
  if (!("ways" in dataset)) {
    throw usageError(`data preview: expected a data set of images, got ${dataset.source}`);
  }
  const source = await openTaskSource(dataset, {
    seed,
    ...taskSourceOptions(values),
    onProgress: showDataEvents(terminal),
    signal,
  });
  terminal.clearLive();
  const split = values.split ?? "train";
  const tasks = values.tasks ?? PREVIEW_TASKS;
  const episodes = Array.from({ length: tasks }, (_, index) => source.episode(split, index));
  const picture = await drawContactSheet(episodes, source.spec(split), normalizationOf(dataset));
  const file = values.out ?? `${dataset.source}-episode.png`;
  await writeFile(file, picture).catch((error: Error) => {
    throw usageError(`--out: cannot write ${file}: ${error.message}`);
  });
  const which = { train: "training", validation: "validation", test: "test" }[split];
  const what = tasks === 1 ? `the first ${which} episode` : `the first ${tasks} ${which} episodes`;
  terminal.line(`${file}: ${what} of ${source.description}`);
  terminal.json({ event: "preview", file });
  return EXIT.done;
}

function normalizationOf(dataset: DatasetConfig) {
  return "normalization" in dataset ? dataset.normalization : "unit";
}

/** An experiment on the data set that is named, with the options that were given. */
function experimentOf({ values, given, positional }: Invocation): Pick<Experiment, "dataset" | "seed"> {
  const name = datasetOf(positional, values.dataset);
  const preset = presets.find(({ experiment }) => experiment.dataset.source === name)?.name ?? "quickstart";
  const { experiment } = resolveExperiment(
    { ...values, preset, dataset: name },
    new Set(["dataset", ...given]),
  );
  return experiment;
}

function datasetOf([, argument]: readonly string[], option: DatasetName | undefined): DatasetName {
  if (argument !== undefined && option !== undefined && argument !== option) {
    throw usageError(`data: expected one data set, got ${argument} and --dataset ${option}`);
  }
  const name = argument ?? option;
  const found = datasetNames.find((known) => known === name);
  if (found !== undefined) return found;
  const hint = name === undefined ? "nothing" : `${name}; did you mean ${closest(name, [...datasetNames])}?`;
  throw usageError(`data: expected one of ${datasetNames.join(", ")}, got ${hint}`);
}
