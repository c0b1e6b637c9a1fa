import { capture, compile, grad } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { adapt } from "./adapt.ts";
import { createModel } from "./create-model.ts";
import { crossEntropy } from "./losses.ts";
import type { NormStatistics, Params } from "./model.ts";
import { createRandom } from "./outer/random.ts";
import { resnet12 } from "./resnet12.ts";

const model = resnet12({ image: [17, 16, 2], widths: [2, 3, 3, 4], outputs: 3 });
const random = createRandom(21);
const values = model.params.map(({ shape }) =>
  Float64Array.from({ length: shape.reduce((product, side) => product * side, 1) }, () => random.normal()),
);
const image = Float64Array.from({ length: 3 * 17 * 16 * 2 }, () => random.normal());
const specs = Object.fromEntries(
  model.params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]),
);
const imageSpec = { shape: [3, 17, 16, 2], dtype: "float32" as const };
const labels = () => tf.tensor1d([0, 2, 1], "int32");

/** The network as the papers draw it, by the batch norm of TensorFlow.js and with the ReLU before the pool. */
function textbook(params: Params, x: tf.Tensor): tf.Tensor {
  const norm = (at: tf.Tensor, name: string): tf.Tensor4D => {
    const c = tf.conv2d(at as tf.Tensor4D, params[`${name}.weights`] as tf.Tensor4D, 1, "same");
    const { mean, variance } = tf.moments(c, [0, 1, 2]);
    const [beta, gamma] = [params[`${name}.beta`]!, params[`${name}.gamma`]!];
    return tf.batchNorm(
      c,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      beta as tf.Tensor1D,
      gamma as tf.Tensor1D,
      1e-5,
    );
  };
  let y = x;
  for (const block of [1, 2, 3, 4]) {
    const one = tf.leakyRelu(norm(y, `block${block}.conv1`), 0.1);
    const two = tf.leakyRelu(norm(one, `block${block}.conv2`), 0.1);
    const sum = tf.add(norm(two, `block${block}.conv3`), norm(y, `block${block}.shortcut`));
    y = tf.maxPool(tf.leakyRelu(sum, 0.1) as tf.Tensor4D, 2, 2, "valid");
  }
  const flat = tf.mean(y, [1, 2]) as tf.Tensor2D;
  return tf.add(tf.matMul(flat, params["head.weights"] as tf.Tensor2D), params["head.bias"]!);
}

describe("resnet12", () => {
  test("computes the network of the papers", async () => {
    const graph = capture((p: Params, x: tf.Tensor) => [model.apply(p, x), textbook(p, x)], specs, imageSpec);
    const [ours, expected] = await (await compile(graph, { device: "reference" })).run([...values, image]);
    expect(ours).toHaveLength(3 * 3);
    // Two orders of summation in float64, behind outputs rounded to float32.
    for (const [i, value] of ours!.entries()) {
      expect(Math.abs(value - expected![i]!)).toBeLessThan(1e-6 * (1 + Math.abs(expected![i]!)));
    }
  });

  test("has a gradient and a second-order meta-gradient like central differences", async () => {
    const loss = (p: Params, x: tf.Tensor): tf.Tensor => crossEntropy(model.apply(p, x), labels());
    const afterStep = (p: Params, x: tf.Tensor): tf.Tensor =>
      loss(adapt((q) => loss(q, x), p, { steps: 1, rate: 0.05, order: 2 }).at(-1)!, x);
    const graph = capture(
      (p: Params, x: tf.Tensor) => ({
        losses: tf.stack([loss(p, x), afterStep(p, x)]),
        first: grad(loss)(p, x),
        second: grad(afterStep)(p, x),
      }),
      specs,
      imageSpec,
    );
    const executable = await compile(graph, { device: "reference" });
    const results = await executable.run([...values, image]);
    const at = (name: string) => results[executable.outputs.findIndex((output) => output.name === name)]!;
    const h = 1e-5;
    for (const [entry, { name }] of model.params.entries()) {
      const element = random.int(values[entry]!.length);
      const lossesAt = async (shift: number): Promise<readonly number[]> => {
        const shifted = values.map((value, i) => (i === entry ? value.slice() : value));
        shifted[entry]![element]! += shift;
        return Array.from((await executable.run([...shifted, image]))[0]!);
      };
      const [above, below] = [await lossesAt(h), await lossesAt(-h)];
      for (const [k, order] of ["first", "second"].entries()) {
        const gradient = at(`${order}/${name}`);
        const largest = Math.max(...Array.from(gradient, Math.abs));
        const difference = (above[k]! - below[k]!) / (2 * h);
        // Truncation h^2 times third derivatives, and float64's rounding over 2 h.
        expect(Math.abs(gradient[element]! - difference), `${order} ${name}[${element}]`).toBeLessThan(
          1e-5 * (1 + largest),
        );
      }
    }
  });

  test("takes the statistics that it is given, layer by layer in the order of its layers", async () => {
    const seen: string[] = [];
    const unit = (layer: string, { mean, variance }: NormStatistics): NormStatistics => {
      seen.push(layer);
      return { mean: tf.zerosLike(mean), variance: tf.onesLike(variance) };
    };
    const graph = capture(
      (p: Params, x: tf.Tensor) => [model.apply(p, x), model.apply(p, x, { statistics: unit })],
      specs,
      imageSpec,
    );
    const [own, given] = await (await compile(graph, { device: "reference" })).run([...values, image]);
    expect(seen).toEqual(model.layers!.map(({ name }) => name));
    expect(given).not.toEqual(own);
  });

  test("has as many parameters as published", () => {
    const sizeOf = (widths: readonly [number, number, number, number]): number =>
      resnet12({ image: [84, 84, 3], widths, outputs: 5 }).params.reduce(
        (total, { shape }) => total + shape.reduce((product, side) => product * side, 1),
        0,
      );
    // A block of c inputs and f filters: 9 c f + 18 f^2 + c f + 8 f; and the head's 5 f + 5.
    const block = (c: number, f: number) => 10 * c * f + 18 * f * f + 8 * f;
    // The embedding of Lee et al. 2019 has 12.42 million parameters.
    const wide = block(3, 64) + block(64, 160) + block(160, 320) + block(320, 640);
    expect(sizeOf([64, 160, 320, 640])).toBe(wide + 5 * 640 + 5);
    expect(Math.round(wide / 1e4)).toBe(1242);
    const narrow = block(3, 64) + block(64, 128) + block(128, 256) + block(256, 512);
    expect(sizeOf([64, 128, 256, 512])).toBe(narrow + 5 * 512 + 5);
  });

  test("wants images whose sides four halvings leave a pixel of", () => {
    const x = { shape: [5, 28, 15, 1], dtype: "float32" } as const;
    const examples = { x, y: { shape: [5], dtype: "int32" } as const };
    const ways = { type: "classification", ways: 5 } as const;
    expect(() =>
      createModel({ type: "resnet12", widths: [2, 2, 2, 2] }, ways, { support: examples, query: examples }),
    ).toThrow("model: resnet12 expects images of at least 16x16 pixels, got 28x15; use conv4 with stride");
  });
});
