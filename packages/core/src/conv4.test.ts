import { capture, compile, grad } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { type Conv4Options, conv4 } from "./conv4.ts";
import type { Params } from "./model.ts";
import { createRandom } from "./outer/random.ts";

/** The textbook network: convolution, batch norm, ReLU, pool, in that order, nothing folded. */
function textbook({ downsampling, filters }: Conv4Options): (params: Params, x: tf.Tensor) => tf.Tensor {
  return (params, x) => {
    let y = x as tf.Tensor4D;
    for (let layer = 1; layer <= 4; layer++) {
      const strides = downsampling === "stride" ? 2 : 1;
      const c = tf.conv2d(y, params[`conv${layer}.weights`] as tf.Tensor4D, strides, "same");
      const { mean, variance } = tf.moments(c, [0, 1, 2]);
      const one = tf.ones([filters]) as tf.Tensor1D;
      const gamma = (params[`conv${layer}.gamma`] ?? one) as tf.Tensor1D;
      const beta = (params[`conv${layer}.beta`] ?? tf.zerosLike(one)) as tf.Tensor1D;
      const z = tf.relu(
        tf.batchNorm(c, mean as tf.Tensor1D, variance as tf.Tensor1D, beta, gamma, 1e-3),
      ) as tf.Tensor4D;
      y = downsampling === "maxpool" ? tf.maxPool(z, 2, 2, "valid") : z;
    }
    const flat = downsampling === "stride" ? tf.mean(y, [1, 2]) : tf.reshape(y, [y.shape[0], -1]);
    return tf.add(
      tf.matMul(flat as tf.Tensor2D, params["head.weights"] as tf.Tensor2D),
      params["head.bias"]!,
    );
  };
}

const options: Conv4Options = {
  image: [18, 17, 2],
  filters: 3,
  outputs: 4,
  downsampling: "maxpool",
  batchNorm: "affine",
  head: "glorot",
};

describe.each([
  { name: "max-pool, affine", options },
  { name: "max-pool, plain", options: { ...options, batchNorm: "none" as const } },
  { name: "stride, affine", options: { ...options, downsampling: "stride" as const } },
  {
    name: "stride, shift",
    options: { ...options, downsampling: "stride" as const, batchNorm: "outer-shift" as const },
  },
  {
    name: "stride, plain, normal head",
    options: {
      ...options,
      downsampling: "stride" as const,
      batchNorm: "none" as const,
      head: "normal" as const,
    },
  },
])("conv4 ($name)", ({ options }) => {
  const model = conv4(options);
  const random = createRandom(11);
  // Some gammas are negative: max-pooling must then see the smallest pre-activations.
  const values = model.params.map(({ shape }) =>
    Float64Array.from({ length: shape.reduce((product, side) => product * side, 1) }, () => random.normal()),
  );
  const image = Float64Array.from({ length: 3 * 18 * 17 * 2 }, () => random.normal());
  const specs = Object.fromEntries(
    model.params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]),
  );
  const imageSpec = { shape: [3, 18, 17, 2], dtype: "float32" as const };

  const evaluate = async (apply: (params: Params, x: tf.Tensor) => tf.Tensor): Promise<number[][]> => {
    const loss = (params: Params, x: tf.Tensor): tf.Tensor => tf.sum(tf.square(apply(params, x)));
    // A gradient step inside, so that second derivatives are compared too.
    const stepped = (params: Params, x: tf.Tensor): tf.Tensor => {
      const gradient = grad(loss)(params, x);
      return loss(
        Object.fromEntries(
          Object.entries(params).map(([name, p]) => [name, tf.sub(p, tf.mul(1e-4, gradient[name]!))]),
        ),
        x,
      );
    };
    const graph = capture(
      (params: Params, x: tf.Tensor) => ({
        y: apply(params, x),
        first: grad(loss)(params, x),
        second: grad(stepped)(params, x),
      }),
      specs,
      imageSpec,
    );
    const results = await (await compile(graph, { device: "reference" })).run([...values, image]);
    return results.map((result) => Array.from(result));
  };

  test("computes the textbook network, its gradient and its second-order gradient", async () => {
    const [ours, expected] = [await evaluate(model.apply), await evaluate(textbook(options))];
    ours.forEach((result, k) => {
      const scale = Math.max(...expected[k]!.map(Math.abs), 1e-3);
      // Two orders of summation in float64; batch norm's 1 / sqrt(variance) amplifies.
      result.forEach((value, i) => {
        expect(Math.abs(value - expected[k]![i]!) / scale, `result ${k}, element ${i}`).toBeLessThan(1e-9);
      });
    });
  });
});

test("conv4 has the parameters of the papers", () => {
  // Omniglot, strided: 9 * 64 + 3 * 9 * 64 * 64 + 64 * 5 + 5 = 111,493, and 4 * 64 shifts
  const sizes = (o: Partial<Conv4Options>): number =>
    conv4({ ...options, image: [28, 28, 1], filters: 64, outputs: 5, ...o }).params.reduce(
      (total, { shape }) => total + shape.reduce((product, side) => product * side, 1),
      0,
    );
  expect(sizes({ downsampling: "stride", batchNorm: "none" })).toBe(111_493);
  expect(sizes({ downsampling: "stride", batchNorm: "outer-shift" })).toBe(111_493 + 256);
  // MiniImageNet: 27 * 32 + 3 * 9 * 32 * 32 + 8 * 32 + 5 * 5 * 32 * 5 + 5 = 32,773
  expect(sizes({ image: [84, 84, 3], filters: 32 })).toBe(27 * 32 + 27 * 1024 + 256 + 4000 + 5);
});
