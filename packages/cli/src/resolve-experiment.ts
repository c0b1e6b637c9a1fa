import { readFileSync } from "node:fs";
import {
  algorithms,
  type DatasetName,
  datasetDefaults,
  datasetFields,
  datasetNames,
  type Experiment,
  parseExperiment,
  presets,
  switchAlgorithm,
} from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import { closestName } from "./closest-name.ts";
import type { OptionSpec } from "./option-spec.ts";
import { type OptionName, optionTable, type Values } from "./option-table.ts";

type Draft = Record<string, unknown>;

/** The experiment of a command line, and where each value that is not the preset's came from. */
export interface ResolvedExperiment {
  readonly experiment: Experiment;
  readonly preset: string;
  /** `dataset.ways` -> `--ways 10`, `steps` -> `config.json`. */
  readonly origins: Readonly<Record<string, string>>;
}

/**
 * Preset, then the fields of `--config`, then single options: the later one wins.
 *
 * @throws {ShoalError} E_USAGE for an unknown preset or an unreadable file, E_EXPERIMENT for values that
 *   are wrong or do not fit together
 */
export function resolveExperiment(values: Values, given: ReadonlySet<OptionName>): ResolvedExperiment {
  const preset = findPreset(values.preset ?? presets[0]!.name);
  const origins: Record<string, string> = {};
  const draft = structuredClone(preset.experiment) as Draft;
  if (values.config !== undefined) {
    const fields = readConfig(values.config);
    const named = isObject(fields.algorithm) ? findAlgorithm(fields.algorithm.type) : undefined;
    const paths = named === undefined ? [] : nameAlgorithm(draft, named);
    for (const path of [...paths, ...merge(draft, fields, "")]) origins[path] = values.config;
  }
  const { dataset } = values;
  if (
    dataset !== undefined &&
    !("ways" in datasetDefaults(dataset as DatasetName)) &&
    values.config === undefined &&
    preset.experiment.model.type !== "mlp"
  ) {
    throw new ShoalError(
      "E_USAGE",
      `--dataset ${dataset}: expected a preset whose network takes numbers, got ${preset.name}, which takes images; ` +
        `start from --preset ${dataset}`,
    );
  }
  for (const name of inOrder(given)) {
    const spec: OptionSpec = optionTable[name];
    const value = values[name];
    if (name === "algorithm") {
      for (const path of nameAlgorithm(draft, findAlgorithm(value)!)) {
        origins[path] = `--${name} ${String(value)}`;
      }
    } else if (name === "dataset") draft.dataset = datasetFor(value as string, draft.dataset);
    else if (spec.path !== undefined) setPath(draft, spec.path, value, name, spec.isOptional);
    else continue;
    origins[spec.path ?? `${name}.type`] = `--${name} ${String(value)}`;
  }
  return { experiment: parseExperiment(draft), preset: preset.name, origins };
}

/** The options that bring other fields with them come first, so that those that name the fields win. */
function inOrder(given: ReadonlySet<OptionName>): readonly OptionName[] {
  const first: readonly OptionName[] = ["dataset", "algorithm"];
  return [...first.filter((name) => given.has(name)), ...[...given].filter((name) => !first.includes(name))];
}

function findAlgorithm(name: unknown): (typeof algorithms)[number] | undefined {
  return algorithms.find((algorithm) => algorithm.name === name);
}

function findPreset(name: string): (typeof presets)[number] {
  const found = presets.find((preset) => preset.name === name);
  if (found !== undefined) return found;
  const names = presets.map((preset) => preset.name);
  throw new ShoalError(
    "E_USAGE",
    `--preset: expected one of ${names.join(", ")}, got ${name}; did you mean ${closestName(name, names)}?`,
  );
}

function readConfig(file: string): Draft {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new ShoalError("E_USAGE", `--config: cannot read ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  let came: string;
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === "object" && fields !== null && !Array.isArray(fields)) return fields as Draft;
    came = Array.isArray(fields) ? "an array" : String(fields);
  } catch (error) {
    // The message quotes the text around the fault, with its line breaks.
    const reason = (error as Error).message.replaceAll(/\s+/g, " ");
    throw new ShoalError("E_USAGE", `--config: ${file} is not JSON: ${reason}`, { cause: error });
  }
  throw new ShoalError("E_USAGE", `--config: expected a JSON object in ${file}, got ${came}`);
}

/** Puts `fields` over `draft`, objects field by field; returns the paths that were set. */
function merge(draft: Draft, fields: Draft, prefix: string): string[] {
  return Object.entries(fields).flatMap(([key, value]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const before = Object.hasOwn(draft, key) ? draft[key] : undefined;
    // A section of another type (model, dataset, outer) replaces the preset's as a whole.
    if (isObject(value) && isObject(before) && sameKind(before, value)) return merge(before, value, path);
    // Not an assignment: a field named __proto__ is one more unknown field.
    Object.defineProperty(draft, key, { value, writable: true, enumerable: true, configurable: true });
    return [path];
  });
}

function isObject(value: unknown): value is Draft {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function sameKind(before: Draft, after: Draft): boolean {
  return ["type", "source"].every((tag) => after[tag] === undefined || after[tag] === before[tag]);
}

function setPath(draft: Draft, path: string, value: unknown, option: OptionName, isOptional = false): void {
  const keys = path.split(".");
  const last = keys.pop()!;
  let at = draft;
  for (const key of keys) {
    const section = at[key];
    // The configuration file put something else here: parseExperiment says so.
    if (!isObject(section)) return;
    at = section;
  }
  const source = keys[0] === "dataset" ? datasetNames.find((name) => name === at.source) : undefined;
  const isKnown =
    source === undefined ? isOptional || mayHave(at, keys, last) : datasetFields(source).includes(last);
  if (!isKnown && !(last in at)) {
    const section = keys.at(-1) ?? "the experiment";
    const kind = [at.source, at.type].find((tag) => typeof tag === "string") ?? "";
    const having =
      source === undefined ? [] : datasetNames.filter((name) => datasetFields(name).includes(last));
    const others = having.length > 0 && having.length < 4 ? ` (it is for ${having.join(", ")})` : "";
    throw new ShoalError(
      "E_USAGE",
      `--${option}: the ${section} ${kind} has no ${last}${others}; leave the option out`,
    );
  }
  at[last] = value;
}

/**
 * True if a section of this kind has the field, as far as presets and defaults tell; `section` itself may be
 * incomplete. An unknown kind may have any: parseExperiment judges it.
 */
function mayHave(section: Draft, path: readonly string[], field: string): boolean {
  const alike = presets
    .map(({ experiment }) => path.reduce<unknown>((at, key) => (at as Draft)?.[key], experiment))
    .filter(isObject)
    .filter((other) => sameKind(other, section));
  return alike.length === 0 || alike.some((other) => field in other);
}

/**
 * Puts another algorithm into `draft`, with the numbers of the one before where they mean the same, and what
 * goes with it.
 *
 * @returns the paths that were set beside its own section
 */
function nameAlgorithm(
  draft: Draft,
  { name, companions = {} }: (typeof algorithms)[number],
): readonly string[] {
  const before = draft.algorithm;
  // The configuration file put something else here: parseExperiment says so.
  if (!isObject(before)) return [];
  if (before.type === name) {
    // The name asks for second order, also where the experiment had first.
    if (name === "maml") draft.algorithm = { ...before, order: 2 };
    return [];
  }
  draft.algorithm = switchAlgorithm(name, before);
  const { dataset, ...others } = structuredClone(companions) as Draft;
  // Not every source has what goes with the algorithm: a mixture has no shots of its own in training.
  const source = isObject(draft.dataset)
    ? datasetNames.find((own) => own === (draft.dataset as Draft).source)
    : undefined;
  const fields = Object.entries(isObject(dataset) ? dataset : {}).filter(
    ([field]) => source === undefined || datasetFields(source).includes(field),
  );
  return merge(
    draft,
    { ...others, ...(fields.length === 0 ? {} : { dataset: Object.fromEntries(fields) }) },
    "",
  );
}

/** Another source of tasks, with the numbers of the one before where both have them. */
function datasetFor(source: string, before: unknown): unknown {
  // The configuration file put something else here: parseExperiment says so.
  if (!isObject(before)) return before;
  if (before.source === source) return before;
  const model = datasetDefaults(source as DatasetName);
  const kept = Object.fromEntries(
    Object.keys(model).flatMap((key) => (key !== "source" && key in before ? [[key, before[key]]] : [])),
  );
  return { ...model, ...kept };
}
