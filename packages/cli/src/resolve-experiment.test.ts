import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { datasetDefaults, datasetNames, presets } from "@shoal/core";
import { isShoalError } from "@shoal/core/outer";
import { afterAll, describe, expect, test } from "vitest";
import { commands } from "./commands.ts";
import { parseCommandLine } from "./parse-command-line.ts";
import { type ResolvedExperiment, resolveExperiment } from "./resolve-experiment.ts";

const directory = mkdtempSync(join(tmpdir(), "shoal-resolve-"));
afterAll(() => rmSync(directory, { recursive: true }));

const presetNamed = (name: string) => presets.find((preset) => preset.name === name)!.experiment;
const quickstart = presetNamed("quickstart");
const sinusoid = presetNamed("sinusoid");
const omniglot = presetNamed("omniglot-5w1s");

/** The experiment of `shoal train ...args`. */
function resolve(...args: string[]): ResolvedExperiment {
  const parsed = parseCommandLine(["train", ...args], commands, "1.2.3");
  if (parsed.type !== "run") throw new Error(`expected a run, got ${JSON.stringify(parsed)}`);
  return resolveExperiment(parsed.values, parsed.given);
}

/** Arguments that name a configuration file with this text, or this value as JSON. */
function config(content: unknown): string[] {
  const file = join(directory, "experiment.json");
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return ["--config", file];
}

const configFile = join(directory, "experiment.json");

/** The code and the message of the refusal of `shoal train ...args`, which is one line. */
function refusalOf(...args: string[]): { readonly code: string; readonly message: string } {
  try {
    resolve(...args);
  } catch (error) {
    if (!isShoalError(error)) throw error;
    expect(error.message).not.toContain("\n");
    return { code: error.code, message: error.message };
  }
  throw new Error(`expected a refusal of ${args.join(" ")}`);
}

describe("a preset", () => {
  test("without options is the experiment as it stands, quickstart unless another is named", () => {
    expect(resolve()).toEqual({ experiment: quickstart, preset: "quickstart", origins: {} });
    for (const { name, experiment } of presets) {
      expect(resolve("--preset", name)).toEqual({ experiment, preset: name, origins: {} });
    }
  });

  test("is not changed by what is put over it", () => {
    const before = structuredClone(presets);
    resolve(...config({ dataset: { ways: 7 }, outer: { rate: 1 } }), "--ways", "9", "--algorithm", "fomaml");
    expect(presets).toEqual(before);
  });

  test("that is unknown is answered with the nearest and with all", () => {
    expect(refusalOf("--preset", "omniglot-20w")).toEqual({
      code: "E_USAGE",
      message:
        `--preset: expected one of ${presets.map(({ name }) => name).join(", ")}, ` +
        "got omniglot-20w; did you mean omniglot-20w1s?",
    });
    expect(refusalOf("--preset", "quikstart").message).toMatch(/did you mean quickstart\?$/);
  });
});

describe("of the preset, the file and the options", () => {
  test("the later one wins, field by field, and the origin of each change is kept", () => {
    const { experiment, origins } = resolve(
      ...config({ steps: 30, metaBatch: 4, dataset: { ways: 7, shots: 2 }, outer: { rate: 0.5 } }),
      "--ways",
      "9",
      "--steps",
      "40",
    );
    expect(experiment).toEqual({
      ...quickstart,
      steps: 40,
      metaBatch: 4,
      dataset: { ...quickstart.dataset, ways: 9, shots: 2 },
      outer: { ...quickstart.outer, rate: 0.5 },
    });
    expect(origins).toEqual({
      steps: "--steps 40",
      metaBatch: configFile,
      "dataset.ways": "--ways 9",
      "dataset.shots": configFile,
      "outer.rate": configFile,
    });
  });

  // Every option of an experiment, with a value that no preset has, and where it has to arrive.
  test.each([
    ["ways", "11", "dataset.ways", 11],
    ["shots", "3", "dataset.shots", 3],
    ["queries", "4", "dataset.queries", 4],
    ["test-queries", "6", "dataset.evaluationQueries", 6],
    ["pixels", "grey", "dataset.pixels", "grey"],
    ["inner-steps", "7", "algorithm.innerSteps", 7],
    ["test-steps", "8", "evaluation.innerSteps", 8],
    ["inner-lr", "0.25", "algorithm.innerRate", 0.25],
    ["meta-lr", "0.125", "outer.rate", 0.125],
    ["meta-batch", "12", "metaBatch", 12],
    ["filters", "13", "model.filters", 13],
    ["steps", "14", "steps", 14],
    ["evaluate-every", "0", "evaluation.every", 0],
    ["test-tasks", "15", "evaluation.testTasks", 15],
    ["seed", "4294967295", "seed", 4_294_967_295],
  ])("--%s %s sets %s and nothing else", (option, text, path, value) => {
    const { experiment, origins } = resolve("--preset", "omniglot-5w1s", `--${option}`, text);
    expect(origins).toEqual({ [path]: `--${option} ${text}` });
    const expected = structuredClone(omniglot) as object;
    const keys = path.split(".");
    const last = keys.pop()!;
    const section = keys.reduce((at, key) => (at as Record<string, object>)[key]!, expected);
    expect(section).toHaveProperty(last);
    (section as Record<string, unknown>)[last] = value;
    expect(experiment).toEqual(expected);
  });

  test("an option that names what is there already is still an origin", () => {
    expect(resolve("--ways", "5")).toMatchObject({
      experiment: quickstart,
      origins: { "dataset.ways": "--ways 5" },
    });
  });
});

describe("a configuration file", () => {
  test("that is empty of fields changes nothing", () => {
    expect(resolve(...config({}))).toMatchObject({ experiment: quickstart, origins: {} });
  });

  test("replaces a section of another kind as a whole", () => {
    const { experiment, origins } = resolve(...config({ outer: { type: "sgd", rate: 0.1 } }));
    expect(experiment.outer).toEqual({ type: "sgd", rate: 0.1 });
    expect(origins).toEqual({ outer: configFile });
  });

  test("may leave a field of a new section to an option", () => {
    const { experiment } = resolve(...config({ outer: { type: "sgd" } }), "--meta-lr", "0.1");
    expect(experiment.outer).toEqual({ type: "sgd", rate: 0.1 });
  });

  test("may hold a whole experiment, as run directories do", () => {
    expect(resolve("--preset", "quickstart", ...config(sinusoid)).experiment).toEqual(sinusoid);
  });

  test.each([
    ["text that is no JSON", '{ "steps": 3', /^--config: \S+ is not JSON: .*JSON/],
    ["a fault among line breaks", '{\n "steps": nope\n}\n', /^--config: \S+ is not JSON: .*JSON/],
    ["an empty file", "", /^--config: \S+ is not JSON: /],
    ["an array", "[1]", /^--config: expected a JSON object in \S+, got an array$/],
    ["null", "null", /^--config: expected a JSON object in \S+, got null$/],
    ["a number", "3", /^--config: expected a JSON object in \S+, got 3$/],
  ])("with %s is refused by its name", (_, text, message) => {
    expect(refusalOf(...config(text))).toEqual({
      code: "E_USAGE",
      message: expect.stringMatching(message) as string,
    });
  });

  test("that is not there, or is a directory, is refused by its name", () => {
    const missing = join(directory, "missing.json");
    expect(refusalOf("--config", missing).message).toMatch(/^--config: cannot read \S+missing\.json: ENOENT/);
    expect(refusalOf("--config", directory).message).toMatch(/^--config: cannot read \S+: EISDIR/);
  });

  // The path, what was expected, what came.
  test.each([
    [{ colour: "blue" }, "experiment: has no field colour; take it out"],
    [{ dataset: { way: 5 } }, "dataset: has no field way; take it out"],
    [{ steps: "10" }, 'steps: expected a value of type number, got "10"'],
    [{ metaBatch: 1.5 }, "metaBatch: expected an integer, got 1.5"],
    [{ metaBatch: 0 }, "metaBatch: expected at least 1, got 0"],
    [{ dataset: 5 }, "dataset: expected a value of type object, got 5"],
    [{ dataset: null }, "dataset: expected a value of type object, got null"],
    [{ model: [] }, "model: expected a value of type object, got []"],
    [
      { dataset: { source: "mnist" } },
      `dataset.source: expected one of ${datasetNames.join(", ")}, got "mnist"`,
    ],
    [{ outer: { type: "lion" } }, 'outer.type: expected one of sgd, adam, got "lion"'],
    [{ algorithm: { order: 3 } }, "algorithm.order: expected one of 1, 2, got 3"],
    [{ model: { downsampling: "mean" } }, 'model.downsampling: expected one of maxpool, stride, got "mean"'],
    [
      { model: { type: "mlp", hidden: [40, "x"] } },
      'model.hidden.1: expected a value of type number, got "x"',
    ],
    [
      { seed: -1, outer: { beta1: 1 } },
      "seed: expected at least 0, got -1; outer.beta1: expected less than 1, got 1",
    ],
  ])("with %j is refused by path, what was expected and what came", (content, message) => {
    expect(refusalOf(...config(content))).toEqual({ code: "E_EXPERIMENT", message });
  });

  test("reaches no prototype", () => {
    expect(refusalOf(...config('{ "__proto__": { "steps": 1 } }')).message).toBe(
      "experiment: has no field __proto__; take it out",
    );
    expect(refusalOf(...config('{ "dataset": { "__proto__": { "ways": 9 } } }')).message).toBe(
      "dataset: has no field __proto__; take it out",
    );
    expect(refusalOf(...config({ constructor: { name: "x" } })).message).toBe(
      "experiment: has no field constructor; take it out",
    );
  });

  test("with a wrong section is refused the same way under options for that section", () => {
    const message = "dataset: expected a value of type object, got 5";
    expect(refusalOf(...config({ dataset: 5 }), "--ways", "3").message).toBe(message);
    expect(refusalOf(...config({ dataset: 5 }), "--dataset", "omniglot").message).toBe(message);
    expect(refusalOf(...config({ dataset: { source: "mnist" } }), "--ways", "3").message).toMatch(
      /^dataset\.source: expected one of sinusoid, .*, glyphs, omniglot, .*, got "mnist"/,
    );
  });

  test("with an incomplete new section is told what is missing, not that an option does not fit", () => {
    expect(
      refusalOf("--preset", "sinusoid", ...config({ dataset: { source: "glyphs" } }), "--ways", "3").message,
    ).toMatch(
      /^dataset\.shots: expected a value of type number, got nothing; .*rotations: expected .*boolean/,
    );
  });
});

describe("an option that the experiment's kind does not have", () => {
  test.each([
    [
      ["--preset", "sinusoid", "--ways", "5"],
      "--ways: the dataset sinusoid has no ways; leave the option out",
    ],
    [
      ["--preset", "sinusoid", "--filters", "8"],
      "--filters: the model mlp has no filters; leave the option out",
    ],
    [
      ["--pixels", "grey"],
      "--pixels: the dataset glyphs has no pixels (it is for omniglot); leave the option out",
    ],
    [
      ["--preset", "sinusoid", "--families", "alphabet"],
      "--families: the dataset sinusoid has no families (it is for glyphs, omniglot); leave the option out",
    ],
    [
      ["--preset", "linear", "--train-ways", "5"],
      "--train-ways: the dataset linear has no trainWays; leave the option out",
    ],
    [
      ["--dataset", "sinusoid"],
      "--dataset sinusoid: expected a preset whose network takes numbers, got quickstart, which takes images; " +
        "start from --preset sinusoid",
    ],
  ])("is refused: %j", (args, message) => {
    expect(refusalOf(...args)).toEqual({ code: "E_USAGE", message });
  });

  test("is taken once the kind has changed to one that has it", () => {
    const { experiment } = resolve("--pixels", "grey", "--dataset", "omniglot");
    expect(experiment.dataset).toMatchObject({ source: "omniglot", pixels: "grey" });
  });
});

describe("another --dataset", () => {
  test("brings its own options", () => {
    const args = ["--image-side", "64", "--normalization", "imagenet", "--class-split", "140/30/30"];
    expect(resolve("--dataset", "cub", ...args).experiment.dataset).toEqual({
      ...datasetDefaults("cub"),
      queries: 1,
      evaluationQueries: 1,
      imageSide: 64,
      normalization: "imagenet",
      split: "140/30/30",
    });
    expect(refusalOf("--dataset", "fc100", "--class-split", "140/30/30").message).toBe(
      "--class-split: the dataset fc100 has no split (it is for omniglot, cub); leave the option out",
    );
  });

  test("keeps what both have and takes the rest from its first preset", () => {
    const { experiment, origins } = resolve(...config({ dataset: { ways: 7 } }), "--dataset", "omniglot");
    expect(experiment).toEqual({
      ...quickstart,
      dataset: { ...omniglot.dataset, ...quickstart.dataset, source: "omniglot", ways: 7 },
    });
    expect(origins).toEqual({ "dataset.ways": configFile, "dataset.source": "--dataset omniglot" });
  });

  test("drops what only the one before has", () => {
    const { experiment } = resolve("--preset", "omniglot-20w1s", "--dataset", "glyphs");
    expect(experiment.dataset).toEqual({ ...quickstart.dataset, ways: 20, rotations: true });
  });

  test("that is the one before changes nothing", () => {
    expect(resolve("--dataset", "glyphs").experiment).toEqual(quickstart);
  });

  test("may be sinusoid where the file brings a network for numbers", () => {
    const { experiment } = resolve(...config({ model: sinusoid.model }), "--dataset", "sinusoid");
    expect(experiment.dataset).toEqual({ source: "sinusoid", shots: 1, queries: 1, evaluationQueries: 1 });
  });
});

test("an --algorithm with an inner loop of another kind brings its own, and what goes with it", () => {
  const { experiment, origins } = resolve("--algorithm", "reptile", "--test-steps", "20");
  expect(experiment.algorithm).toMatchObject({ type: "reptile", innerRate: 1e-3, innerSteps: 5 });
  expect(experiment.outer).toEqual({ type: "sgd", rate: 1, schedule: { type: "linear", final: 0 } });
  expect(experiment.dataset).toMatchObject({ trainShots: 10 });
  expect(experiment.evaluation.innerSteps).toBe(20);
  expect(origins).toEqual({
    "algorithm.type": "--algorithm reptile",
    outer: "--algorithm reptile",
    "dataset.trainShots": "--algorithm reptile",
    "evaluation.innerSteps": "--test-steps 20",
  });
});

test("what goes with an algorithm gives way to the options that name it, wherever they stand", () => {
  const { experiment } = resolve("--train-shots", "4", "--meta-lr", "0.5", "--algorithm", "reptile");
  expect(experiment.dataset).toMatchObject({ trainShots: 4 });
  expect(experiment.outer).toMatchObject({ type: "sgd", rate: 0.5 });
});

test("what goes with an algorithm and the source of tasks has no field for is left out", () => {
  const { experiment } = resolve("--dataset", "mixed", "--algorithm", "reptile");
  expect(experiment.dataset).not.toHaveProperty("trainShots");
  expect(experiment.outer.type).toBe("sgd");
});

test("a file that names another algorithm may leave out what has a default", () => {
  const fields = { algorithm: { type: "reptile", batchSize: 4 }, outer: { type: "sgd", rate: 0.5 } };
  const { experiment } = resolve(...config(fields));
  expect(experiment.algorithm).toMatchObject({ type: "reptile", batchSize: 4, innerSteps: 5 });
  expect(experiment.outer).toEqual({ type: "sgd", rate: 0.5, schedule: { type: "linear", final: 0 } });
  const anil = resolve("--preset", "omniglot-20w1s", ...config({ algorithm: { type: "anil" } }));
  // The same inner loop as the preset's.
  expect(anil.experiment.algorithm).toMatchObject({ type: "anil", innerSteps: 5, innerRate: 0.1 });
  expect(anil.experiment.outer).toEqual(presetNamed("omniglot-20w1s").outer);
});

test("an option of a field that experiments may be without sets it", () => {
  const { experiment } = resolve("--train-shots", "7", "--test-batch-norm", "both");
  expect(experiment.dataset).toMatchObject({ trainShots: 7 });
  expect(experiment.evaluation.batchNorm).toBe("both");
});

test("another --algorithm keeps the inner loop and its rate", () => {
  const first = resolve("--preset", "omniglot-20w1s", "--algorithm", "fomaml").experiment.algorithm;
  expect(first).toEqual({
    type: "fomaml",
    innerSteps: 5,
    innerRate: 0.1,
    lossReduction: "sum-over-ways",
  });
  const second = resolve(...config({ algorithm: { order: 1 } }), "--algorithm", "maml").experiment.algorithm;
  expect(second).toEqual(quickstart.algorithm);
});
