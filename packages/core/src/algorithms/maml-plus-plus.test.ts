import { capture, compile, grad, type NumericArray } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { createModel } from "../create-model.ts";
import type { Params } from "../model.ts";
import { createRandom } from "../outer/random.ts";
import type { Algorithm, AlgorithmContext, Scheduled, Task } from "./algorithm.ts";
import { maml } from "./maml.ts";
import { mamlPlusPlus } from "./maml-plus-plus.ts";
import { multiStepWeights } from "./multi-step-loss.ts";
import { toys } from "./testing/toys.ts";

const { problem, model: modelConfig, spec } = toys.images;
const episode = spec("train");
const context: AlgorithmContext = {
  model: createModel(modelConfig, problem, episode),
  problem,
  episode,
  seed: 1,
};
const inner = { innerSteps: 2, innerRate: 0.1, lossReduction: "mean" } as const;
const off = {
  type: "maml++",
  ...inner,
  multiStepLossSteps: 0,
  firstOrderSteps: 0,
  learnedRates: false,
  perStepNormWeights: false,
  perStepStatistics: false,
} as const;

/** Parameters a little off where they start, the same for the same names. */
function inputsOf({ params }: Algorithm): readonly Float64Array[] {
  const random = createRandom(3);
  return params.map(({ shape, initial }) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const at = initial.type === "constant" ? initial.value : 0;
    return Float64Array.from({ length: size }, () => at + 0.1 * random.normal());
  });
}

function specsOf({ params }: Algorithm) {
  return Object.fromEntries(params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]));
}

const examples = (index: number): readonly Float64Array[] => {
  const { support, query } = toys.images.episode(index);
  return [support.x, support.y, query.x, query.y].map((values) => Float64Array.from(values));
};

/** The meta-gradient of a task after `version` steps. */
async function gradientOf(algorithm: Algorithm, version: number): Promise<readonly NumericArray[]> {
  const { shapes = {}, at = () => ({}) } = algorithm.schedule ?? {};
  const scheduled = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype: "float32" as const }]),
  );
  const fn = (params: Params, task: Task, numbers: Scheduled): Params =>
    grad((p: Params) => algorithm.objective(p, task, numbers).value)(params);
  const executable = await compile(capture(fn, specsOf(algorithm), episode, scheduled), {
    device: "reference",
  });
  const values: { readonly [name: string]: readonly number[] } = at(version);
  return executable.run([
    ...inputsOf(algorithm),
    ...examples(1),
    ...Object.keys(shapes).map((name) => Float64Array.from(values[name]!)),
  ]);
}

describe("MAML++", () => {
  test("without its parts is MAML, to the bit", async () => {
    const ours = await gradientOf(mamlPlusPlus.create(off, context), 0);
    const theirs = await gradientOf(maml.create({ type: "maml", order: 2, ...inner }, context), 0);
    expect(ours).toEqual(theirs);
  });

  test("is of first order for the first meta-steps, and of second order from there on", async () => {
    const annealed = mamlPlusPlus.create({ ...off, firstOrderSteps: 3 }, context);
    const [first, second] = await Promise.all(
      ([1, 2] as const).map((order) =>
        gradientOf(maml.create({ type: "maml", order, ...inner }, context), 0),
      ),
    );
    expect(first).not.toEqual(second);
    for (const [version, expected] of [
      [0, first!],
      [2, first!],
      [3, second!],
      [1000, second!],
    ] as const) {
      const gradient = await gradientOf(annealed, version);
      gradient.forEach((values, i) => {
        for (const [k, value] of values.entries()) {
          // g = stop(g) + 1 * (g - stop(g)) but for rounding
          expect(Math.abs(value - expected[i]![k]!)).toBeLessThan(1e-6);
        }
      });
    }
  });

  test("has rates, scales, shifts and statistics for every step", () => {
    const all = { ...off, learnedRates: true, perStepNormWeights: true, perStepStatistics: true };
    const { params } = mamlPlusPlus.create(all, context);
    const shapes = Object.fromEntries(params.map(({ name, shape }) => [name, shape]));
    expect(shapes).toMatchObject({
      "conv1.weights": [3, 3, 1, 2],
      "conv1.gamma": [2, 2],
      "conv4.beta": [2, 2],
      "rate.conv1": [2],
      "rate.head": [2],
      "running.conv1.mean": [2, 2],
      "running.conv4.variance": [2, 2],
    });
    expect(params.filter(({ adapted }) => adapted).map(({ name }) => name)).toEqual([
      "conv1.weights",
      "conv2.weights",
      "conv3.weights",
      "conv4.weights",
      "head.weights",
      "head.bias",
    ]);
    // The experiment's optimizer learns the rates and the weights; running means have a rule of their own.
    expect(params.filter(({ outer }) => outer !== undefined).map(({ name }) => name)).toEqual(
      params.flatMap(({ name }) => (name.startsWith("running.") ? [name] : [])),
    );
  });

  test("takes the last step's rates and weights for the steps beyond", async () => {
    const all = { ...off, learnedRates: true, perStepNormWeights: true };
    const algorithm = mamlPlusPlus.create(all, context);
    const longer = mamlPlusPlus.create({ ...all, innerSteps: 4 }, context);
    /** Rows for two steps and for four, of which the last three are the same. */
    const short = inputsOf(algorithm);
    const long = short.map((values, i) => {
      const { shape } = algorithm.params[i]!;
      if (shape.join() === longer.params[i]!.shape.join()) return values;
      const row = values.length / 2;
      const last = values.slice(row);
      return Float64Array.from([...values, ...last, ...last]);
    });
    const outputs = async (which: Algorithm, params: readonly Float64Array[]) => {
      const fn = (p: Params, task: Task): tf.Tensor[] =>
        which.adapt(p, task.support, 4).map((learner) => learner.predict(task.query.x));
      const executable = await compile(capture(fn, specsOf(which), episode), { device: "reference" });
      return executable.run([...params, ...examples(2)]);
    };
    // The same numbers from two graphs, which may add them up in another order: float64 but for its last digits.
    const [two, four] = [await outputs(algorithm, short), await outputs(longer, long)];
    expect(four.length).toBe(two.length);
    four.forEach((values, k) => {
      values.forEach((value, i) => {
        expect(value).toBeCloseTo(two[k]![i]!, 12);
      });
    });
  });

  test("is evaluated inductively by its running statistics, whatever the batch", async () => {
    const algorithm = mamlPlusPlus.create({ ...off, perStepStatistics: true }, context);
    const fn = (p: Params, { support, query }: Task): tf.Tensor[] => {
      const learner = algorithm.adapt(p, support, 2).at(-1)!;
      const one = tf.slice(query.x, 0, 1);
      const statistics = () => {
        throw new Error("the statistics of a batch were asked for");
      };
      return [
        learner.predict(query.x, { statistics }),
        learner.predict(one, { statistics }),
        learner.predict(query.x),
      ];
    };
    const executable = await compile(capture(fn, specsOf(algorithm), episode), { device: "reference" });
    const [inductive, alone, transductive] = await executable.run([...inputsOf(algorithm), ...examples(2)]);
    expect(inductive!.slice(0, 3)).toEqual(alone);
    expect(inductive).not.toEqual(transductive);
  });
});

describe("multiStepWeights", () => {
  test("move from all steps to the last one, in sum 1", () => {
    expect(multiStepWeights(0, 5, 100)).toEqual(Array.from({ length: 5 }, () => expect.closeTo(0.2, 12)));
    // half way: half of 1/5 each, and the rest for the last
    expect(multiStepWeights(50, 5, 100)).toEqual([0.1, 0.1, 0.1, 0.1, 0.6]);
    // never less than 3 % of 1/5
    expect(multiStepWeights(99, 5, 100)[0]).toBeCloseTo(0.006, 12);
    expect(multiStepWeights(99, 5, 100)[4]).toBeCloseTo(0.976, 12);
    expect(multiStepWeights(100, 5, 100)).toEqual([0, 0, 0, 0, 1]);
    expect(multiStepWeights(0, 5, 0)).toEqual([0, 0, 0, 0, 1]);
    expect(multiStepWeights(0, 1, 10)).toEqual([1]);
  });
});
