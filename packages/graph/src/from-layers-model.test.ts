import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as tfl from "@tensorflow/tfjs-layers";
import { beforeAll, describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";
import { fromLayersModel, type LayersFunction } from "./from-layers-model.ts";
import type { Graph } from "./graph.ts";
import { GraphError } from "./graph-error.ts";
import { assertClose } from "./testing/assert-close.ts";
import { type LayersCase, layersCases, withFixedWeights } from "./testing/layers-cases.ts";
import { weighted } from "./testing/primitive-inputs.ts";
import { runGraph } from "./testing/run-graph.ts";
import { grad } from "./transforms.ts";
import { vmap } from "./vmap.ts";

type Params = { readonly [name: string]: tf.Tensor };

const { layers } = tfl;
const float32 = (shape: readonly number[]) => ({ shape, dtype: "float32" as const });

beforeAll(async () => {
  await tf.setBackend("cpu");
});

function captureOf(
  { params }: LayersFunction,
  inputs: readonly (readonly number[])[],
  fn: (params: Params, x: tf.Tensor[]) => tf.Tensor | tf.Tensor[] | Params,
): Graph {
  const specs = Object.fromEntries(params.map(({ name, shape }) => [name, float32(shape)]));
  return capture(fn as never, specs as never, inputs.map(float32) as never);
}

function valuesOf({ inputs, integersBelow }: LayersCase): Float32Array[] {
  let count = 0;
  return inputs.map((shape) =>
    Float32Array.from({ length: tf.util.sizeFromShape([...shape]) }, () => {
      count++;
      return integersBelow === undefined ? Math.sin(2.3 * count) : (7 * count) % integersBelow;
    }),
  );
}

/** What TensorFlow.js computes, without a trace in the model. */
function eager(model: tfl.LayersModel, one: LayersCase, x: readonly Float32Array[]): number[][] {
  const before = model.getWeights().map((weight) => weight.clone());
  const outputs = tf.tidy(() => {
    const tensors = x.map((values, i) => tf.tensor(values, [...one.inputs[i]!]));
    const y = one.training === true ? model.apply(tensors, { training: true }) : model.predict(tensors);
    return (Array.isArray(y) ? y : [y]).map((output) => Array.from((output as tf.Tensor).dataSync()));
  });
  model.setWeights(before);
  return outputs;
}

/**
 * The slope of the scalar graph along `direction`, by central differences in float64, in the `count` first
 * inputs: error h^2 f''' / 6 + 1e-16 / h.
 */
async function slope(
  graph: Graph,
  inputs: readonly Float32Array[],
  direction: readonly Float64Array[],
): Promise<number> {
  const h = 1e-5;
  const executable = await compile(graph, { device: "reference" });
  const at = async (step: number): Promise<number> => {
    const shifted = inputs.map((values, k) =>
      Float64Array.from(values, (value, i) => value + step * (direction[k]?.[i] ?? 0)),
    );
    return (await executable.run(shifted))[0]![0]!;
  };
  return ((await at(h)) - (await at(-h))) / (2 * h);
}

/** A few directions that touch every element of every parameter, and one per parameter alone. */
function directions({ params }: LayersFunction): Float64Array[][] {
  const along = (seed: number, only: number | null): Float64Array[] =>
    params.map(({ value }, k) =>
      Float64Array.from(value, (_, i) => (only === null || only === k ? Math.cos(seed + 3.1 * i + k) : 0)),
    );
  return [...[1, 2, 3].map((seed) => along(seed, null)), ...params.map((_, k) => along(5, k))];
}

function projected(gradient: readonly number[][], direction: readonly Float64Array[]): number {
  return gradient.reduce(
    (sum, values, k) => sum + values.reduce((part, value, i) => part + value * direction[k]![i]!, 0),
    0,
  );
}

describe.each(layersCases)("$name", (one) => {
  const model = withFixedWeights(one.build());
  const pure = fromLayersModel(model);
  const x = valuesOf(one);
  const inputs = [...pure.params.map(({ value }) => value), ...x];
  const outputs = (params: Params, tensors: tf.Tensor[]): tf.Tensor[] => {
    const y = pure.apply(params, tensors, { training: one.training ?? false });
    return Array.isArray(y) ? y : [y];
  };
  const loss =
    (phase: number) =>
    (params: Params, tensors: tf.Tensor[]): tf.Tensor =>
      tf.addN(
        outputs(params, tensors).map((y, i) => tf.add(weighted(tf.square(y), phase + i), weighted(y, i))),
      );
  /** The loss after one inner step on another loss. */
  const adapted = (params: Params, tensors: tf.Tensor[]): tf.Tensor => {
    const gradient = grad(loss(1))(params, tensors);
    const stepped = Object.entries(params).map(([name, p]) => [
      name,
      tf.sub(p, tf.mul(0.1, gradient[name]!)),
    ]);
    return loss(2)(Object.fromEntries(stepped), tensors);
  };

  test("has the outputs of TensorFlow.js", async () => {
    const expected = eager(model, one, x);
    const graph = captureOf(pure, one.inputs, outputs);
    // TensorFlow.js computes in float32.
    assertClose(await runGraph(graph, "reference", inputs), expected, 1e-5);
    assertClose(await runGraph(graph, "cpu", inputs), expected, 1e-5);
    // The model itself is as it was.
    assertClose(eager(model, one, x), expected, 1e-7);
  });

  // A mean is a product with 1 / n in float32, so central differences see deviations from it that do not quite
  // sum to zero; the gradient takes the sum as zero.
  test.each([
    ["the gradient", loss(1), 1e-6],
    ["the gradient through an inner step", adapted, 1e-6],
  ] as const)("%s is that of central differences, and of ONNX Runtime", async (_, f, tolerance) => {
    const gradient = captureOf(pure, one.inputs, (params, tensors) => grad(f)(params, tensors));
    const value = captureOf(pure, one.inputs, f);
    const exact = await runGraph(gradient, "reference", inputs);
    for (const direction of directions(pure)) {
      assertClose([[projected(exact, direction)]], [[await slope(value, inputs, direction)]], tolerance);
    }
    assertClose(await runGraph(gradient, "cpu", inputs), exact, 1e-4);
  });

  test("is the same mapped over tasks as one by one, in its gradient", async () => {
    const tasks = [x, x.map((values) => values.toReversed())];
    const gradient = (params: Params, tensors: tf.Tensor[]): Params => grad(loss(1))(params, tensors);
    const single = captureOf(pure, one.inputs, gradient);
    const [first, second] = await Promise.all(
      tasks.map((task) => runGraph(single, "reference", [...inputs.slice(0, -x.length), ...task])),
    );
    const mapped = captureOf(
      pure,
      one.inputs.map((shape) => [tasks.length, ...shape]),
      (params, tensors) => vmap((task: tf.Tensor[]) => gradient(params, task), [0])(tensors),
    );
    const stacked = x.map((_, k) => Float32Array.from(tasks.flatMap((task) => Array.from(task[k]!))));
    const actual = await runGraph(mapped, "reference", [...inputs.slice(0, -x.length), ...stacked]);
    const expected = first!.map((values, k) => [...values, ...second![k]!]);
    assertClose(actual, expected, 1e-11);
  });
});

/** A model of one input of 4 values. */
function sequential(...parts: tfl.layers.Layer[]): tfl.LayersModel {
  const model = tfl.sequential({ name: "net" });
  model.add(layers.inputLayer({ inputShape: [4] }));
  for (const part of parts) model.add(part);
  return model;
}

/** Captures the model's outputs for two examples. */
function captureModel(model: tfl.LayersModel, example: readonly number[], training = false): Graph {
  const pure = fromLayersModel(model);
  return captureOf(pure, [[2, ...example]], (params, x) => pure.apply(params, x, { training }));
}

describe("the parameters", () => {
  const batchNormalized = sequential(
    layers.dense({ units: 2, name: "hidden", trainable: false }),
    layers.batchNormalization({ name: "norm" }),
  );

  test("carry the names of the layers, and say which of them are trained", () => {
    const { params } = fromLayersModel(batchNormalized);
    expect(params.map(({ name, shape, trainable }) => [name, shape, trainable])).toEqual([
      ["norm/gamma", [2], true],
      ["norm/beta", [2], true],
      ["hidden/kernel", [4, 2], false],
      ["hidden/bias", [2], false],
      ["norm/moving_mean", [2], false],
      ["norm/moving_variance", [2], false],
    ]);
  });

  test("are copies, in the order that setWeights takes them back", () => {
    const model = withFixedWeights(sequential(layers.dense({ units: 2 })));
    const { params } = fromLayersModel(model);
    const doubled = params.map(({ shape, value }) =>
      tf.tensor(
        value.map((v) => 2 * v),
        [...shape],
      ),
    );
    model.setWeights(doubled);
    const after = fromLayersModel(model).params;
    after.forEach(({ value }, k) => {
      expect(value).toEqual(params[k]!.value.map((v) => 2 * v));
    });
  });

  test("keep apart layers of one name in two models inside a model", () => {
    const inner = (): tfl.Sequential =>
      tfl.sequential({ layers: [layers.dense({ units: 4, inputShape: [4], name: "same" })] });
    const { params } = fromLayersModel(sequential(inner(), inner()));
    expect(new Set(params.map(({ name }) => name)).size).toBe(4);
  });

  test("of a model that was saved and loaded have the same names", async () => {
    const topology = batchNormalized.toJSON(null, false);
    const loaded = await tfl.models.modelFromJSON({ modelTopology: topology } as never);
    const names = (model: tfl.LayersModel): string[] => fromLayersModel(model).params.map(({ name }) => name);
    expect(names(loaded)).toEqual(names(batchNormalized));
  });

  test("that are missing or of another shape are refused by name", () => {
    const model = sequential(layers.dense({ units: 2, name: "head" }));
    const { apply } = fromLayersModel(model);
    const x = tf.zeros([1, 4]);
    expect(() => apply({ "head/kernel": tf.zeros([4, 2]) }, x)).toThrow(
      "params: head/bias: expected float32 [2], got nothing",
    );
    expect(() => apply({ "head/kernel": tf.zeros([2, 4]), "head/bias": tf.zeros([2]) }, x)).toThrow(
      "params: head/kernel: expected float32 [4,2], got float32 [2,4]",
    );
  });
});

describe("apply", () => {
  test("takes the parameters that it is given, also outside of capture", () => {
    const { apply } = fromLayersModel(sequential(layers.dense({ units: 1, name: "sum" })));
    const y = apply(
      { "sum/kernel": tf.ones([4, 1]), "sum/bias": tf.tensor1d([10]) },
      tf.tensor2d([[1, 2, 3, 4]]),
    );
    expect(Array.from((y as tf.Tensor).dataSync())).toEqual([20]);
  });

  test("leaves the model as it was, after an error too", () => {
    const custom = layers.dense({ units: 2 });
    const failing = layers.dropout({ rate: 0.5 });
    const model = sequential(custom, failing);
    const before = model.getWeights().map((weight) => weight.arraySync());
    const own = [...model.weights, ...model.layers].map((object) => Object.keys(object).sort());
    expect(() => captureModel(model, [4], true)).toThrow(GraphError);
    captureModel(model, [4]);
    expect([...model.weights, ...model.layers].map((object) => Object.keys(object).sort())).toEqual(own);
    expect(model.getWeights().map((weight) => weight.arraySync())).toEqual(before);
  });

  test("leaves the moving statistics alone in training", () => {
    const model = sequential(layers.batchNormalization({}));
    const before = model.getWeights().map((weight) => weight.arraySync());
    captureModel(model, [4], true);
    expect(model.getWeights().map((weight) => weight.arraySync())).toEqual(before);
  });

  test("leaves no tensors behind", () => {
    const model = sequential(layers.dense({ units: 2, activation: "tanh" }), layers.softmax({}));
    captureModel(model, [4]);
    const before = tf.memory().numTensors;
    captureModel(model, [4]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("refuses inputs of another number or shape", () => {
    const model = sequential(layers.dense({ units: 2 }));
    expect(() => captureModel(model, [3])).toThrow(/x: .*: expected \[any,4\], got \[2,3\]/);
    const { apply } = fromLayersModel(model);
    expect(() => apply({}, [])).toThrow("x: expected 1 tensors, got 0");
  });
});

describe("a model that a static graph cannot hold", () => {
  test.each([
    [
      "dropout",
      () => layers.dropout({ rate: 0.5, name: "drop" }),
      /layer "drop" \(Dropout\), with training: true: .*dropout has no/,
    ],
    [
      "gaussianNoise",
      () => layers.gaussianNoise({ stddev: 1, name: "n" }),
      /layer "n" \(GaussianNoise\).*randomNormal has no/,
    ],
    [
      "gaussianDropout",
      () => layers.gaussianDropout({ rate: 0.5, name: "n" }),
      /layer "n" \(GaussianDropout\).*randomNormal/,
    ],
    [
      "alphaDropout",
      () => layers.alphaDropout({ rate: 0.5, name: "n" }),
      /layer "n" \(AlphaDropout\).*randomUniform/,
    ],
  ])("is refused: %s in training", (_, layer, message) => {
    expect(() => captureModel(sequential(layer()), [4], true)).toThrow(message);
  });

  test("is refused: an op without a lowering, inside a model inside a model", () => {
    const inner = tfl.sequential({ name: "inner" });
    inner.add(layers.reshape({ targetShape: [2, 2, 1, 1], inputShape: [4] }));
    inner.add(layers.conv3d({ filters: 1, kernelSize: 1, name: "volume" }));
    expect(() => captureModel(sequential(inner), [4])).toThrow(
      /layer "inner" \(Sequential\) > layer "volume" \(Conv3D\): capture: Conv3D has no lowering/,
    );
  });

  test("is refused: a layer that keeps state between calls", () => {
    const model = tfl.sequential();
    model.add(layers.inputLayer({ batchInputShape: [2, 3, 4] }));
    model.add(layers.simpleRNN({ units: 2, stateful: true, recurrentInitializer: "zeros", name: "memory" }));
    expect(() => fromLayersModel(model)).toThrow(
      /layer "memory" \(SimpleRNN\) keeps state between calls; build it with stateful: false/,
    );
  });

  test("is refused: a layer of the user's own that reads values", () => {
    class Peek extends tfl.layers.Layer {
      static className = "Peek";
      override call(x: tf.Tensor | tf.Tensor[]): tf.Tensor {
        const input = Array.isArray(x) ? x[0]! : x;
        return tf.mul(input, input.dataSync()[0]!);
      }
    }
    expect(() => captureModel(sequential(new Peek({ name: "peek" })), [4])).toThrow(
      /layer "peek" \(Peek\): capture: a value was read/,
    );
  });

  test("is refused: a kernel of the user's own", () => {
    class Own extends tfl.layers.Layer {
      static className = "Own";
      override call(): tf.Tensor {
        return tf.engine().runKernel("OwnKernel", {});
      }
    }
    expect(() => captureModel(sequential(new Own({ name: "own" })), [4])).toThrow(
      /layer "own" \(Own\): capture: OwnKernel is unknown to capture/,
    );
  });

  test("is refused: no layers", () => {
    expect(() => fromLayersModel(tfl.sequential({ name: "empty" }))).toThrow('model "empty" has no layers');
  });
});
