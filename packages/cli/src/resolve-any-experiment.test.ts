import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseExperiment, presets } from "@shoal/core";
import { isShoalError } from "@shoal/core/outer";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { commands } from "./commands.ts";
import { experimentOptions } from "./option-groups.ts";
import type { OptionSpec } from "./option-spec.ts";
import { optionTable } from "./option-table.ts";
import { parseCommandLine } from "./parse-command-line.ts";
import { type ResolvedExperiment, resolveExperiment } from "./resolve-experiment.ts";

const directory = mkdtempSync(join(tmpdir(), "shoal-resolve-any-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** The experiment of `shoal train ...args`. */
function resolve(...args: string[]): ResolvedExperiment {
  const parsed = parseCommandLine(["train", ...args], commands, "1.2.3");
  if (parsed.type !== "run") throw new Error(`expected a run, got ${JSON.stringify(parsed)}`);
  return resolveExperiment(parsed.values, parsed.given);
}

/** Arguments that name a configuration file with this value as JSON. */
function config(content: unknown): string[] {
  const file = join(directory, "experiment.json");
  writeFileSync(file, JSON.stringify(content));
  return ["--config", file];
}

// Any command line of options that parse, over any preset and any change of its sections' kinds.
const anyArguments: fc.Arbitrary<string[]> = fc
  .tuple(
    fc.constantFrom(...presets.map(({ name }) => name)),
    fc.subarray(
      experimentOptions.filter((name) => !["preset", "list-presets", "config"].includes(name)),
      { maxLength: 4 },
    ),
    fc.infiniteStream(fc.nat()),
  )
  .map(([preset, names, numbers]) => [
    "--preset",
    preset,
    ...names.flatMap((name) => [`--${name}`, textFor(optionTable[name], numbers.next().value)]),
  ]);

/** One of the texts that an option takes. */
function textFor(spec: OptionSpec, number: number): string {
  if (spec.type === "choice") return spec.choices[number % spec.choices.length]!;
  if (spec.type === "integer") return String(spec.min + (number % 100));
  return String(1 / (1 + (number % 100)));
}

/** What nobody meant to write, now and then. */
const junk = fc.jsonValue();

const anyFields: fc.Arbitrary<Record<string, unknown>> = fc.record(
  {
    dataset: fc.oneof(
      fc.record({ shots: fc.integer({ min: 0, max: 5 }) }),
      fc.constantFrom(...presets.map(({ experiment }) => experiment.dataset)),
      junk,
    ),
    model: fc.oneof(fc.constantFrom(...presets.map(({ experiment }) => experiment.model)), junk),
    outer: fc.oneof(fc.record({ type: fc.constantFrom("sgd", "adam") }), junk),
    tasksPerLeaf: fc.constantFrom(1, 1, 1, 2),
    clip: fc.oneof(fc.constant(null), fc.double({ min: 0.1, max: 10 })),
  },
  { requiredKeys: [] },
);

test("whatever resolves passes core's parseExperiment as it is; all else is refused by a known code", () => {
  let resolved = 0;
  fc.assert(
    fc.property(anyArguments, fc.option(anyFields, { nil: null }), (args, fields) => {
      let experiment: ResolvedExperiment["experiment"];
      try {
        experiment = resolve(...args, ...(fields === null ? [] : config(fields))).experiment;
      } catch (error) {
        expect(isShoalError(error) && ["E_USAGE", "E_EXPERIMENT"].includes(error.code)).toBe(true);
        return;
      }
      resolved++;
      expect(parseExperiment(JSON.parse(JSON.stringify(experiment)))).toEqual(experiment);
    }),
    { numRuns: 500 },
  );
  // The property would also hold if nothing ever resolved.
  expect(resolved).toBeGreaterThan(50);
});
