import { capture, compile, grad } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import * as tfl from "@tensorflow/tfjs-layers";
import { describe, expect, test } from "vitest";
import { adapt } from "./adapt.ts";
import { initialize } from "./initialize.ts";
import { layersModel } from "./layers-model.ts";
import { meanSquaredError } from "./losses.ts";
import { mlp } from "./mlp.ts";
import type { Model, Params } from "./model.ts";
import { layoutParams } from "./outer/param-layout.ts";

const { layers } = tfl;

/** 1-4-1 with a frozen layer in between. */
function smallModel(): tfl.LayersModel {
  const model = tfl.sequential();
  model.add(layers.dense({ units: 4, activation: "tanh", inputShape: [1], name: "hidden" }));
  model.add(layers.dense({ units: 4, activation: "sigmoid", trainable: false, name: "frozen" }));
  model.add(layers.batchNormalization({ name: "norm" }));
  model.add(layers.dense({ units: 1, name: "head" }));
  // Values of no symmetry, away from saturation.
  const weights = model.getWeights().map((weight, k) => {
    const values = Float32Array.from({ length: weight.size }, (_, i) => Math.sin(1.3 * i + k));
    const isVariance = model.weights[k]!.name.includes("variance");
    return tf.tensor(isVariance ? values.map((value) => 1 + value / 2) : values, weight.shape);
  });
  model.setWeights(weights);
  return model;
}

const [supportX, supportY, queryX, queryY] = [0, 1, 2, 3].map((k) =>
  Float64Array.from({ length: 5 }, (_, i) => Math.sin(2.1 * i + 1.7 * k)),
) as [Float64Array, Float64Array, Float64Array, Float64Array];
const episode = [supportX, supportY, queryX, queryY];
const column = { shape: [5, 1], dtype: "float32" as const };

/** The query loss after two inner steps, and its gradient: [loss, gradient per parameter ...]. */
async function leaf(model: Model, params: readonly ArrayLike<number>[]): Promise<number[][]> {
  const loss = (p: Params, data: readonly tf.Tensor[]): tf.Tensor => {
    const [supportX, supportY, queryX, queryY] = data as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const path = adapt((q) => meanSquaredError(model.apply(q, supportX), supportY), p, {
      steps: 2,
      rate: 0.1,
      order: 2,
    });
    return meanSquaredError(model.apply(path.at(-1)!, queryX), queryY);
  };
  const specs = Object.fromEntries(
    model.params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]),
  );
  const graph = capture(
    (p: Params, data: readonly tf.Tensor[]) => ({ loss: loss(p, data), gradient: grad(loss)(p, data) }),
    specs,
    [column, column, column, column],
  );
  const executable = await compile(graph, { device: "reference" });
  const inputs = [...params.map((values) => Float64Array.from(values)), ...episode];
  return (await executable.run(inputs)).map((values) => Array.from(values));
}

/** The initial parameters of a model, one array each. */
function initialOf(model: Model): Float32Array[] {
  const flat = initialize(model.params, 1);
  return layoutParams(model.params).entries.map(({ offset, size }) => flat.slice(offset, offset + size));
}

describe("layersModel", () => {
  test("has the trainable weights as parameters, which start where the model stands", () => {
    const source = smallModel();
    const model = layersModel(source);
    expect(model.params.map(({ name }) => name)).toEqual([
      "hidden/kernel",
      "hidden/bias",
      "norm/gamma",
      "norm/beta",
      "head/kernel",
      "head/bias",
    ]);
    expect(initialOf(model)).toEqual(source.trainableWeights.map((weight) => weight.read().dataSync()));
  });

  test.each([false, true])(
    "has the meta-gradient of central differences, with training: %s",
    async (training) => {
      const model = layersModel(smallModel(), { training });
      const params = initialOf(model).map((values) => Float64Array.from(values));
      const [, ...gradient] = await leaf(model, params);
      // Error h^2 f''' / 6 + 1e-16 / h.
      const h = 1e-5;
      for (const [k, values] of params.entries()) {
        for (const i of values.keys()) {
          const lossAt = async (step: number): Promise<number> => {
            const shifted = params.map((other) => other.slice());
            shifted[k]![i]! += step;
            return (await leaf(model, shifted))[0]![0]!;
          };
          const expected = ((await lossAt(h)) - (await lossAt(-h))) / (2 * h);
          expect(Math.abs(gradient[k]![i]! - expected)).toBeLessThan(1e-7);
        }
      }
    },
  );

  test("has the meta-gradient of the same network written by hand", async () => {
    const source = tfl.sequential();
    source.add(layers.dense({ units: 8, activation: "relu", inputShape: [1] }));
    source.add(layers.dense({ units: 1 }));
    const byHand = mlp({ inputs: 1, hidden: [8], outputs: 1 });
    const params = initialOf(byHand);
    expect(await leaf(layersModel(source), params)).toEqual(await leaf(byHand, params));
  });

  test("refuses a model of two inputs", () => {
    const inputs = [tfl.input({ shape: [1] }), tfl.input({ shape: [1] })];
    const outputs = layers.add().apply(inputs) as tfl.SymbolicTensor;
    expect(() => layersModel(tfl.model({ inputs, outputs, name: "pair" }))).toThrow(
      'model "pair": expected one input and one output, got 2 and 1',
    );
  });
});
