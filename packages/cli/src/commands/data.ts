import { writeFile } from "node:fs/promises";
import {
  assertNoFaults,
  type DatasetName,
  datasetNames,
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

export const data: Command = {
  name: "data",
  summary: "List data sets; pack one for fast starts; verify its files and packs; draw an episode.",
  arguments: `[${Object.keys(actions).join("|")}] [dataset]`,
  options: ["data", "cache-dir", "download", "ways", "shots", "queries", "seed", "out", "json"],
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
  const infos = await listDataSets(taskSourceOptions(values).cacheDir);
  for (const info of infos) {
    terminal.line(`${info.name.padEnd(10)} ${info.description} (${info.licence})`);
    for (const store of info.stores) terminal.line(`${" ".repeat(11)}${store.name}: ${stateOf(store)}`);
    terminal.json({ event: "dataset", ...info });
  }
  return EXIT.done;
}

function stateOf({ path, state }: StoreStatus): string {
  switch (state.type) {
    case "ready":
      return `packed, ${bytes(state.bytes)}, ${state.contentHash.slice(0, 12)}, ${path}`;
    case "missing":
      return "not packed yet";
    case "damaged":
      return `${path} is not usable (${state.reason}); it will be packed anew`;
  }
}

async function prepare({ values, positional, terminal }: Invocation): Promise<number> {
  const name = datasetOf(positional);
  const stores = await prepareDataSet(name, {
    ...taskSourceOptions(values),
    onProgress: showDataEvents(terminal),
  });
  terminal.clearLive();
  for (const store of stores) {
    const size = `${count(store.classes)} classes, ${count(store.images)} images`;
    terminal.line(`${store.name}: ${size}, content ${store.contentHash.slice(0, 12)}, ${store.path}`);
    terminal.json({ event: "store", ...store });
  }
  if (stores.length === 0)
    terminal.line(`${name}: nothing to prepare, its tasks are made as they are asked for`);
  return EXIT.done;
}

async function verify({ values, positional, terminal }: Invocation): Promise<number> {
  const name = datasetOf(positional);
  const checks = await verifyDataSet(name, {
    ...taskSourceOptions(values),
    onProgress: showDataEvents(terminal),
  });
  terminal.clearLive();
  for (const check of checks) {
    terminal.line(`${check.outcome.padEnd(7)} ${check.name}: ${check.detail}`);
    terminal.json({ event: "check", ...check });
  }
  assertNoFaults(checks);
  return EXIT.done;
}

/** Draws the first training episode of a data set, as a person would check it. */
async function preview({ values, given, positional, terminal }: Invocation): Promise<number> {
  const name = datasetOf(positional);
  if (name === "sinusoid") throw usageError("data preview: expected a data set of images, got sinusoid");
  const preset = name === "glyphs" ? "quickstart" : "omniglot-5w1s";
  const { experiment } = resolveExperiment({ ...values, preset }, given);
  const options = taskSourceOptions(values);
  const source = await openTaskSource(experiment.dataset, {
    seed: experiment.seed,
    ...options,
    onProgress: showDataEvents(terminal),
  });
  terminal.clearLive();
  const picture = await drawContactSheet(source.episode("train", 0), source.spec("train"));
  const file = values.out ?? `${name}-episode.png`;
  await writeFile(file, picture).catch((error: Error) => {
    throw usageError(`--out: cannot write ${file}: ${error.message}`);
  });
  terminal.line(`${file}: the first training episode of ${source.description}`);
  terminal.json({ event: "preview", file });
  return EXIT.done;
}

function datasetOf([, name]: readonly string[]): DatasetName {
  const found = datasetNames.find((known) => known === name);
  if (found !== undefined) return found;
  const hint = name === undefined ? "nothing" : `${name}; did you mean ${closest(name, [...datasetNames])}?`;
  throw usageError(`data: expected one of ${datasetNames.join(", ")}, got ${hint}`);
}
