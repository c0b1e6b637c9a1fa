import { capture, compile, type Executable, type NumericArray } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { createAlgorithm } from "../create-algorithm.ts";
import { createModel } from "../create-model.ts";
import { type Experiment, parseExperiment } from "../experiment.ts";
import {
  evaluateProgram,
  initialParams,
  type LeafProgram,
  modelLayout,
  trainProgram,
} from "../leaf-program.ts";
import type { Params } from "../model.ts";
import { createOuterOptimizer } from "../outer/outer-optimizer.ts";
import { createRandom } from "../outer/random.ts";
import { applyUpdate } from "../outer/vector.ts";
import { presets } from "../presets.ts";
import type { Episode } from "../task-source.ts";
import type { Scheduled, Task, TaskExamples } from "./algorithm.ts";
import { type AlgorithmConfig, algorithms } from "./registry.ts";
import { type ContractCase, contractCases } from "./testing/contract-cases.ts";
import { type ToyName, toys } from "./testing/toys.ts";

/** What every algorithm promises. A new one is in `contractCases`, or the types say so. */

const everyCase = algorithms.flatMap(({ name }) =>
  contractCases[name].map((one: ContractCase, i) => [`${name} (${i + 1})`, one] as const),
);
const glyphs = presets.find(({ name }) => name === "quickstart")!.experiment;

function experimentOf(
  toy: ToyName,
  algorithm: AlgorithmConfig,
  changes: Partial<Experiment> = {},
): Experiment {
  return {
    ...glyphs,
    model: toys[toy].model,
    algorithm,
    outer: { type: "sgd", rate: 0.1 },
    tasksPerLeaf: 1,
    evaluation: { ...glyphs.evaluation, innerSteps: 2 },
    ...changes,
  };
}

describe.each(everyCase)("%s", (_, one) => {
  const toyNames = [...new Set([...one.toys.map(({ toy }) => toy), ...(one.alsoOn ?? [])])];
  const hasClasses = toyNames.includes("clusters") || toyNames.includes("alphabets");
  const problems: readonly ToyName[] = hasClasses ? [...toyNames, "images"] : toyNames;

  describe.each(problems)("on %s", (toy) => {
    const experiment = experimentOf(toy, one.config);
    const program = trainProgram(experiment, toys[toy]);
    let executable: Executable;
    beforeAll(async () => {
      executable = await compileProgram(program, "reference");
    });

    test("the meta-gradient is that of its objective, in every meta-parameter", async () => {
      const inputs = inputsOf(paramsOf(experiment, toy), [toys[toy].episode(3)], program);
      const ours = gradientOf(executable, await executable.run(inputs), program);
      const expected = await expectedGradient(one, experiment, toy, inputs);
      const random = createRandom(5);
      for (const [entry, { name, size }] of program.layout.entries.entries()) {
        const gradient = ours[entry]!;
        const largest = Math.max(...Array.from(gradient, Math.abs));
        for (let sample = 0; sample < Math.min(3, size); sample++) {
          const element = random.int(size);
          const difference = gradient[element]! - (await expected(entry, element));
          // Central differences: h^2 of truncation and 1e-16 / h of rounding, times the curvature.
          expect(Math.abs(difference), `${name}[${element}]`).toBeLessThan(1e-6 * (1 + largest));
        }
      }
    });

    test("a leaf of three tasks is the sum of three leaves", async () => {
      const params = paramsOf(experiment, toy);
      const tasks = [0, 1, 2].map((index) => toys[toy].episode(index));
      const threefold = trainProgram({ ...experiment, tasksPerLeaf: 3 }, toys[toy]);
      const together = await compileProgram(threefold, "reference");
      const ours = gradientOf(together, await together.run(inputsOf(params, tasks, threefold)), threefold);
      const singles: (readonly NumericArray[])[] = [];
      for (const task of tasks) {
        singles.push(
          gradientOf(executable, await executable.run(inputsOf(params, [task], program)), program),
        );
      }
      for (const [entry, gradient] of ours.entries()) {
        const largest = Math.max(1, ...Array.from(gradient, Math.abs));
        for (const [i, value] of gradient.entries()) {
          const sum = singles.reduce((total, single) => total + single[entry]![i]!, 0);
          // float64 sums in another order, behind outputs rounded to float32
          expect(Math.abs(value - sum) / largest).toBeLessThan(1e-6);
        }
      }
    });

    test("computes the same bits again, from a program made again", async () => {
      const runs = await Promise.all(
        [0, 1].map(async () => {
          const again = trainProgram(experiment, toys[toy]);
          const compiled = await compileProgram(again, "cpu");
          return compiled.run(inputsOf(initialViews(experiment, toy), [toys[toy].episode(1)], again));
        }),
      );
      expect(runs[0]).toEqual(runs[1]);
    });

    test("has the same parameters for every split", () => {
      for (const split of ["train", "validation", "test"] as const) {
        const { params } = createAlgorithm(experiment, toys[toy], split);
        expect(params.map(({ name, shape }) => ({ name, shape }))).toEqual(
          program.layout.entries.map(({ name, shape }) => ({ name, shape })),
        );
        expect(new Set(params.map(({ name }) => name)).size).toBe(params.length);
      }
    });

    test("gives a schedule of the declared size at every version, the same each time", () => {
      const sizes = Object.values(program.specs[2]).map(({ shape }) =>
        shape.reduce((product, side) => product * side, 1),
      );
      for (const version of [0, 1, 1000]) {
        const values = program.scheduledAt(version);
        expect(values.map(({ length }) => length)).toEqual(sizes);
        expect(program.scheduledAt(version)).toEqual(values);
      }
    });
  });

  test.each(one.toys)("gets better at $toy within $steps meta-steps", async ({ toy, ...training }) => {
    const outer = { type: training.outer, rate: training.rate } as const;
    const experiment = experimentOf(toy, one.config, {
      outer: outer.type === "sgd" ? { ...outer, type: "sgd" } : { ...adam, rate: outer.rate },
      steps: training.steps,
      tasksPerLeaf: 4,
      evaluation: { ...glyphs.evaluation, innerSteps: training.testSteps },
    });
    const test = await testLoss(experiment, toy);
    const before = initialParams(experiment, toys[toy]);
    // Most lose far more; matching networks stop at 0.80, where the bounds of the cosine leave the softmax.
    expect(await test(await train(experiment, toy))).toBeLessThan(0.85 * (await test(before)));
  });

  test("a wrong value of any of its fields is named", () => {
    const experiment = { ...glyphsFor(one.config.type), algorithm: one.config };
    expect(parseExperiment(experiment).algorithm).toEqual(one.config);
    for (const [field, value] of Object.entries(one.config)) {
      if (field === "type") continue;
      const wrongs = typeof value === "number" ? [-1, Number.NaN, "x"] : [{}, -1];
      if (field === "innerSteps" || field === "innerRate") wrongs.push(0);
      for (const wrong of wrongs) {
        expect(() =>
          parseExperiment({ ...experiment, algorithm: { ...one.config, [field]: wrong } }),
        ).toThrow(
          expect.objectContaining({
            code: "E_EXPERIMENT",
            message: expect.stringMatching(new RegExp(`^algorithm\\.${field}: expected `)),
          }),
        );
      }
    }
    expect(() => parseExperiment({ ...experiment, algorithm: { ...one.config, colour: 1 } })).toThrow(
      "algorithm: has no field colour; take it out",
    );
    expect(() => parseExperiment({ ...experiment, dataset: { ...glyphs.dataset, queries: 0 } })).toThrow(
      "dataset.queries: expected at least 1, got 0",
    );
  });
});

describe.each(algorithms.map((definition) => [definition.name, definition] as const))(
  "%s",
  (name, definition) => {
    test("has defaults that make an experiment, and says in a line what they do", () => {
      const algorithm = { type: name, ...definition.defaults };
      const parsed = parseExperiment({ ...glyphsFor(name), algorithm });
      expect(parsed.algorithm).toEqual(algorithm);
      expect(definition.describe(parsed.algorithm)).toMatch(/^\S.{5,150}\S$/);
    });
  },
);

/** The quickstart, with what goes with an algorithm. */
function glyphsFor(type: AlgorithmConfig["type"]): Experiment {
  const { companions } = algorithms.find(({ name }) => name === type)!;
  return { ...glyphs, evaluation: { ...glyphs.evaluation, ...companions?.evaluation } };
}

const adam = { type: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

function compileProgram(program: LeafProgram, device: string): Promise<Executable> {
  return compile(capture(program.fn, ...program.specs), { device });
}

/** An element of the meta-gradient by the case's own way, or by central differences of the objective. */
async function expectedGradient(
  one: ContractCase,
  experiment: Experiment,
  toy: ToyName,
  inputs: readonly NumericArray[],
): Promise<(entry: number, element: number) => Promise<number>> {
  const { problem, spec } = toys[toy];
  const algorithm = createAlgorithm(experiment, toys[toy], "train");
  const { specs, layout } = trainProgram(experiment, toys[toy]);
  const fn = (params: Params, episodes: Task, scheduled: Scheduled): tf.Tensor[] => {
    const { identities } = episodes;
    const task = {
      support: only(episodes.support),
      query: only(episodes.query),
      ...(identities === undefined ? {} : { identities: tf.reshape(identities, [-1]) }),
    };
    if (one.metaGradient === undefined) return [algorithm.objective(params, task, scheduled).value];
    const model = createModel(experiment.model, problem, spec("train"));
    const gradient = one.metaGradient({ algorithm, model, problem, params, task, scheduled });
    return layout.entries.map(({ name }) => gradient[name]!);
  };
  const executable = await compile(capture(fn, ...specs), { device: "reference" });
  if (one.metaGradient !== undefined) {
    const gradient = await executable.run(inputs);
    return async (entry, element) => gradient[entry]![element]!;
  }
  return async (entry, element) => {
    const h = 1e-5;
    const valueAt = async (shift: number): Promise<number> => {
      const shifted = inputs.map((input, i) => (i === entry ? Float64Array.from(input) : input));
      shifted[entry]![element]! += shift;
      return (await executable.run(shifted))[0]![0]!;
    };
    return ((await valueAt(h)) - (await valueAt(-h))) / (2 * h);
  };
}

function only({ x, y }: TaskExamples): TaskExamples {
  return { x: tf.reshape(x, x.shape.slice(1)), y: tf.reshape(y, y.shape.slice(1)) };
}

function gradientOf(
  { outputs }: Executable,
  results: readonly NumericArray[],
  { layout }: LeafProgram,
): readonly NumericArray[] {
  return layout.entries.map(({ name }) => results[outputs.findIndex((o) => o.name === `gradient/${name}`)]!);
}

function initialViews(experiment: Experiment, toy: ToyName): readonly Float32Array[] {
  return viewsOf(initialParams(experiment, toys[toy]), experiment, toy);
}

function viewsOf(flat: Float32Array, experiment: Experiment, toy: ToyName): readonly Float32Array[] {
  const { entries } = modelLayout(experiment, toys[toy]);
  return entries.map(({ offset, size }) => flat.subarray(offset, offset + size));
}

/** Parameters a little off where they start: zero biases hide mistakes. */
function paramsOf(experiment: Experiment, toy: ToyName): readonly Float64Array[] {
  const random = createRandom(9);
  return initialViews(experiment, toy).map((view) =>
    Float64Array.from(view, (value) => value + 0.05 * random.normal()),
  );
}

function inputsOf(
  params: readonly NumericArray[],
  tasks: readonly Episode[],
  program: LeafProgram,
  version = 0,
): readonly NumericArray[] {
  const isFloat64 = params[0] instanceof Float64Array;
  const join = (parts: readonly (Float32Array | Int32Array)[]): NumericArray => {
    const values = parts.flatMap((part) => [...part]);
    if (isFloat64) return Float64Array.from(values);
    return parts[0] instanceof Int32Array ? Int32Array.from(values) : Float32Array.from(values);
  };
  return [
    ...params,
    join(tasks.map(({ support }) => support.x)),
    join(tasks.map(({ support }) => support.y)),
    join(tasks.map(({ query }) => query.x)),
    join(tasks.map(({ query }) => query.y)),
    ...(program.specs[1].identities === undefined ? [] : [join(tasks.map(({ identities }) => identities!))]),
    ...program.scheduledAt(version).map((values) => (isFloat64 ? Float64Array.from(values) : values)),
  ];
}

/** Meta-trains on tasks 0, 1, 2, ... and returns the parameters. */
async function train(experiment: Experiment, toy: ToyName): Promise<Float32Array> {
  const program = trainProgram(experiment, toys[toy]);
  const executable = await compileProgram(program, "cpu");
  const outer = createOuterOptimizer(experiment, program.layout);
  let params = initialParams(experiment, toys[toy]);
  let state = outer.init(program.layout.size);
  for (let step = 0; step < experiment.steps; step++) {
    const tasks = [0, 1, 2, 3].map((i) => toys[toy].episode(1000 + 4 * step + i));
    const views = viewsOf(params, experiment, toy);
    const results = await executable.run(inputsOf(views, tasks, program, step));
    const sum = gradientOf(executable, results, program).flatMap((part) => [...part]);
    const taken = outer.update(
      Float32Array.from(sum, (g) => g / tasks.length),
      state,
    );
    params = applyUpdate(params, taken.update);
    state = taken.state;
  }
  await executable.close();
  return params;
}

/** The mean query loss after adapting to held-out tasks, as a function of the parameters. */
async function testLoss(
  experiment: Experiment,
  toy: ToyName,
): Promise<(params: Float32Array) => Promise<number>> {
  const program = evaluateProgram(experiment, toys[toy], "test");
  const executable = await compileProgram(program, "cpu");
  const at = program.statNames.indexOf(`loss@${experiment.evaluation.innerSteps}`);
  return async (params) => {
    let sum = 0;
    for (let leaf = 0; leaf < 16; leaf++) {
      const tasks = [0, 1, 2, 3].map((i) => toys[toy].episode(4 * leaf + i));
      const inputs = inputsOf(viewsOf(params, experiment, toy), tasks, program);
      const stats = (await executable.run(inputs))[0]!;
      for (let task = 0; task < 4; task++) sum += stats[task * program.statNames.length + at]! / 64;
    }
    return sum;
  };
}
