import { capture, compile, type NumericArray } from "@shoal/graph";
import { describe, expect, test } from "vitest";
import type { Experiment } from "./experiment.ts";
import {
  evaluateProgram,
  initialParams,
  type LeafProgram,
  modelLayout,
  type TaskShapes,
  trainProgram,
} from "./leaf-program.ts";
import { createRandom } from "./outer/random.ts";

const sinusoid: TaskShapes = {
  problem: { type: "regression", outputs: 1 },
  spec: () => ({
    support: { x: { shape: [5, 1], dtype: "float32" }, y: { shape: [5, 1], dtype: "float32" } },
    query: { x: { shape: [4, 1], dtype: "float32" }, y: { shape: [4, 1], dtype: "float32" } },
  }),
};
const images: TaskShapes = {
  problem: { type: "classification", ways: 3 },
  spec: () => ({
    support: { x: { shape: [3, 16, 16, 1], dtype: "float32" }, y: { shape: [3], dtype: "int32" } },
    query: { x: { shape: [6, 16, 16, 1], dtype: "float32" }, y: { shape: [6], dtype: "int32" } },
  }),
};

function experimentWith(
  changes: Partial<Extract<Experiment["algorithm"], { type: "maml" }>>,
  model: Experiment["model"],
  tasksPerLeaf = 1,
): Experiment {
  return {
    name: "test",
    seed: 3,
    dataset: { source: "sinusoid", shots: 5, queries: 4, evaluationQueries: 4 },
    model,
    algorithm: { type: "maml", order: 2, innerSteps: 2, innerRate: 0.1, lossReduction: "mean", ...changes },
    outer: { type: "sgd", rate: 0.1 },
    clip: null,
    metaBatch: 4,
    tasksPerLeaf,
    steps: 1,
    evaluation: { every: 0, validationTasks: 4, testTasks: 4, innerSteps: 3 },
  };
}

const mlp: Experiment["model"] = { type: "mlp", hidden: [6] };
type Conv4 = Extract<Experiment["model"], { type: "conv4" }>;
const conv4 = (
  downsampling: Conv4["downsampling"],
  batchNorm: Conv4["batchNorm"] = "affine",
): Experiment["model"] => ({
  type: "conv4",
  filters: 2,
  downsampling,
  batchNorm,
  head: "glorot",
});

/** Flat parameters and episodes, as a program's inputs in float64. */
function inputsOf(experiment: Experiment, source: TaskShapes, program: LeafProgram): Float64Array[] {
  const flat = initialParams(experiment, source);
  const params = program.layout.entries.map(({ offset, size }) =>
    Float64Array.from(flat.subarray(offset, offset + size)),
  );
  const random = createRandom(8);
  const { support, query } = program.specs[1];
  const episodes = [support.x, support.y, query.x, query.y].map(({ shape, dtype }) => {
    const size = shape.reduce((product, side) => product * side, 1);
    return Float64Array.from({ length: size }, (_, i) => (dtype === "int32" ? i % 3 : random.normal()));
  });
  return [...params, ...episodes];
}

async function runReference(
  program: LeafProgram,
  inputs: readonly NumericArray[],
): Promise<Map<string, NumericArray>> {
  const executable = await compile(capture(program.fn, ...program.specs), { device: "reference" });
  const results = await executable.run(inputs);
  return new Map(executable.outputs.map(({ name }, i) => [name, results[i]!]));
}

describe("episodes with other ways than the problem", () => {
  /** Episodes of `ways` classes, one support and two query examples each, of a problem with `outputs` classes. */
  const shapes = (outputs: number, ways: number): TaskShapes => ({
    problem: { type: "classification", ways: outputs },
    spec: () => ({
      support: { x: { shape: [ways, 2], dtype: "float32" }, y: { shape: [ways], dtype: "int32" } },
      query: { x: { shape: [2 * ways, 2], dtype: "float32" }, y: { shape: [2 * ways], dtype: "int32" } },
      ways,
    }),
  });

  test("adapt the first outputs of a larger head, and leave the others alone", async () => {
    const experiment = experimentWith({ lossReduction: "sum-over-ways" }, mlp);
    const wide = trainProgram(experiment, shapes(5, 3));
    const inputs = inputsOf(experiment, shapes(5, 3), wide);
    const ofWide = await runReference(wide, inputs);
    // The same network with the three columns of the head that the episode has.
    const narrow = trainProgram(experiment, shapes(3, 3));
    const columns = (values: NumericArray) => Float64Array.from(values).filter((_, i) => i % 5 < 3);
    const ofNarrow = await runReference(
      narrow,
      wide.layout.entries
        .map(({ name }, k) => (name.startsWith("dense2") ? columns(inputs[k]!) : inputs[k]!))
        .concat(inputs.slice(wide.layout.entries.length)),
    );
    expect([...ofWide.get("stats")!]).toEqual([...ofNarrow.get("stats")!]);
    for (const { name } of wide.layout.entries) {
      const [all, some] = [ofWide.get(`gradient/${name}`)!, ofNarrow.get(`gradient/${name}`)!];
      if (!name.startsWith("dense2")) expect([...all]).toEqual([...some]);
      else
        expect([...all]).toEqual(
          Array.from(all, (_, i) => (i % 5 < 3 ? some[3 * Math.floor(i / 5) + (i % 5)]! : 0)),
        );
    }
  });

  test("are what prototypical networks may train on: more ways than at test", async () => {
    const experiment = { ...experimentWith({}, mlp), algorithm: { type: "protonet" } as const };
    const [few, many] = [trainProgram(experiment, shapes(2, 3)), trainProgram(experiment, shapes(3, 3))];
    expect(few.layout).toEqual(many.layout);
    const inputs = inputsOf(experiment, shapes(2, 3), few);
    expect(await runReference(few, inputs)).toEqual(await runReference(many, inputs));
  });
});

describe.each([
  { name: "mlp, second order", source: sinusoid, experiment: experimentWith({}, mlp), scale: 1 },
  { name: "conv4 with max-pool", source: images, experiment: experimentWith({}, conv4("maxpool")), scale: 1 },
  {
    name: "strided conv4, loss summed over ways",
    source: images,
    experiment: experimentWith({ lossReduction: "sum-over-ways", innerSteps: 1 }, conv4("stride")),
    scale: 3,
  },
  {
    name: "strided conv4 as the MAML authors', its shift outside of the inner loop",
    source: images,
    experiment: experimentWith({ lossReduction: "sum-over-ways" }, conv4("stride", "outer-shift")),
    scale: 3,
  },
])("the train program ($name)", ({ source, experiment, scale }) => {
  test("returns the meta-gradient: central differences of the query loss after adapting", async () => {
    const program = trainProgram(experiment, source);
    const inputs = inputsOf(experiment, source, program);
    const results = await runReference(program, inputs);
    const executable = await compile(capture(program.fn, ...program.specs), { device: "reference" });
    const lossAt = async (entry: number, element: number, step: number): Promise<number> => {
      const shifted = inputs.map((input, i) => (i === entry ? input.slice() : input));
      shifted[entry]![element]! += step;
      return (await executable.run(shifted))[0]![0]!;
    };
    const random = createRandom(21);
    for (const [entry, { name, size }] of program.layout.entries.entries()) {
      const gradient = results.get(`gradient/${name}`)!;
      const largest = Math.max(...Array.from(gradient, Math.abs));
      for (let sample = 0; sample < 3; sample++) {
        const element = random.int(size);
        const h = 1e-5;
        const slope = ((await lossAt(entry, element, h)) - (await lossAt(entry, element, -h))) / (2 * h);
        // The statistics are means; the gradient carries the loss reduction.
        expect(Math.abs(gradient[element]! - scale * slope), `${name}[${element}]`).toBeLessThan(
          1e-6 * (1 + largest),
        );
      }
    }
  });
});

describe("the leaf programs", () => {
  test("second and first order differ in the gradient and agree in the loss", async () => {
    const results = await Promise.all(
      ([2, 1] as const).map(async (order) => {
        const experiment = experimentWith({ order }, mlp);
        const program = trainProgram(experiment, sinusoid);
        return runReference(program, inputsOf(experiment, sinusoid, program));
      }),
    );
    expect(results[0]!.get("stats")).toEqual(results[1]!.get("stats"));
    expect(results[0]!.get("gradient/dense1.weights")).not.toEqual(
      results[1]!.get("gradient/dense1.weights"),
    );
  });

  test("a leaf of several tasks is the sum of its tasks", async () => {
    const single = trainProgram(experimentWith({}, mlp), sinusoid);
    const double = trainProgram(experimentWith({}, mlp, 2), sinusoid);
    const params = inputsOf(experimentWith({}, mlp), sinusoid, single).slice(0, single.layout.entries.length);
    const random = createRandom(4);
    const tasks = [0, 1].map(() =>
      [5, 5, 4, 4].map((n) => Float64Array.from({ length: n }, () => random.normal())),
    );
    const [first, second] = await Promise.all(
      tasks.map((task) => runReference(single, [...params, ...task])),
    );
    const stacked = [0, 1, 2, 3].map((k) => Float64Array.from([...tasks[0]![k]!, ...tasks[1]![k]!]));
    const both = await runReference(double, [...params, ...stacked]);
    expect(both.get("stats")![0]).toBeCloseTo(first!.get("stats")![0]!, 12);
    expect(both.get("stats")![1]).toBeCloseTo(second!.get("stats")![0]!, 12);
    const sum = first!.get("gradient/dense1.weights")![2]! + second!.get("gradient/dense1.weights")![2]!;
    expect(both.get("gradient/dense1.weights")![2]).toBeCloseTo(sum, 12);
  });

  test("evaluation reports loss and accuracy before adapting and after each inner step", async () => {
    const experiment = experimentWith({}, conv4("stride"));
    const program = evaluateProgram(experiment, images, "test");
    expect(program.statNames).toEqual([
      ...[0, 1, 2, 3].map((step) => `loss@${step}`),
      ...[0, 1, 2, 3].map((step) => `accuracy@${step}`),
    ]);
    const stats = (await runReference(program, inputsOf(experiment, images, program))).get("stats")!;
    const train = trainProgram(experiment, images);
    const afterTwo = (await runReference(train, inputsOf(experiment, images, train))).get("stats")!;
    // Training adapts with two steps: the same loss as evaluation's after step 2.
    expect(stats[2]).toBeCloseTo(afterTwo[0]!, 12);
    // 6 query examples: a multiple of a sixth, itself a float32 constant
    for (const accuracy of stats.subarray(4)) expect(accuracy * 6).toBeCloseTo(Math.round(accuracy * 6), 6);
  });

  test.each(["maxpool", "stride"] as const)(
    "with inductive batch norm a prediction depends on the support set, not on the rest of the query set (%s)",
    async (downsampling) => {
      const base = experimentWith({}, conv4(downsampling));
      const inductive: Experiment = { ...base, evaluation: { ...base.evaluation, batchNorm: "both" } };
      const one: TaskShapes = {
        ...images,
        spec: () => {
          const { support, query } = images.spec("test");
          const single = { x: { ...query.x, shape: [1, 16, 16, 1] }, y: { ...query.y, shape: [1] } };
          return { support, query: single };
        },
      };
      const six = evaluateProgram(inductive, images, "test");
      expect(six.statNames.slice(8)).toEqual(six.statNames.slice(0, 8).map((name) => `inductive-${name}`));
      const inputs = inputsOf(base, images, six);
      // Some scales are negative: the sign that the filters take over is no part of the statistics.
      for (const [k, { name }] of six.layout.entries.entries()) {
        if (name.endsWith("gamma")) inputs[k]![0] = -0.7;
      }
      const together = (await runReference(six, inputs)).get("stats")!;
      const single = evaluateProgram(inductive, one, "test");
      const executable = await compile(capture(single.fn, ...single.specs), { device: "reference" });
      const [x, y] = inputs.slice(-2) as [Float64Array, Float64Array];
      const alone: NumericArray[] = [];
      for (let i = 0; i < 6; i++) {
        const query = [x.slice(256 * i, 256 * (i + 1)), y.slice(i, i + 1)];
        alone.push((await executable.run([...inputs.slice(0, -2), ...query]))[0]!);
      }
      for (const [stat, name] of six.statNames.entries()) {
        const mean = alone.reduce((sum, stats) => sum + stats[stat]! / 6, 0);
        if (name.startsWith("inductive-")) expect(together[stat]).toBeCloseTo(mean, 6);
        else if (name.startsWith("loss")) expect(together[stat]).not.toBeCloseTo(mean, 3);
      }
    },
  );

  test("a regression has no accuracy", () => {
    expect(trainProgram(experimentWith({}, mlp), sinusoid).statNames).toEqual(["loss"]);
    expect(evaluateProgram(experimentWith({}, mlp), sinusoid, "test").statNames).toHaveLength(4);
  });

  test("the layout, the initial parameters and the program agree", () => {
    const experiment = experimentWith({}, conv4("maxpool"));
    const layout = modelLayout(experiment, images);
    expect(trainProgram(experiment, images).layout).toEqual(layout);
    const params = initialParams(experiment, images);
    expect(params.length).toBe(layout.size);
    expect(initialParams(experiment, images)).toEqual(params);
    expect(initialParams({ ...experiment, seed: 4 }, images)).not.toEqual(params);
    const gamma = layout.entries.find(({ name }) => name === "conv2.gamma")!;
    expect(Array.from(params.subarray(gamma.offset, gamma.offset + gamma.size))).toEqual([1, 1]);
  });

  test("a model that cannot take the examples is refused", () => {
    expect(() => trainProgram(experimentWith({}, conv4("stride")), sinusoid)).toThrow(
      "model: conv4 expects images [height, width, channels], got examples of shape [1]; use mlp",
    );
  });
});
