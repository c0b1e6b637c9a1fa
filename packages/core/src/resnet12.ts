import * as tf from "@tensorflow/tfjs-core";
import type { ApplyOptions, Model, ModelLayer, ParamSpec, Params } from "./model.ts";

export interface Resnet12Options {
  /** `[height, width, channels]` of an image. */
  readonly image: readonly [number, number, number];
  /** Filters of the four blocks: 64-128-256-512, or 64-160-320-640. */
  readonly widths: readonly [number, number, number, number];
  readonly outputs: number;
}

/** One convolution with its batch norm. */
interface Convolution {
  readonly name: string;
  /** Side of the filter, in pixels. */
  readonly side: 1 | 3;
  readonly inputs: number;
  readonly filters: number;
}

/** Slope of the leaky ReLU on the left. */
const LEAK = 0.1;
/** Added to the variance, as in the authors' code (PyTorch's default). */
const EPSILON = 1e-5;

/**
 * ResNet-12: four residual blocks of three 3x3 SAME convolutions, each with batch norm by the statistics of
 * the batch; leaky ReLU after the first two and after the sum with the shortcut (a 1x1 convolution with batch
 * norm); 2x2 max-pooling after each block; then the mean over space and a linear layer.
 *
 * The convolutions have no bias. All scales and shifts adapt in the inner loop. There is no DropBlock and no
 * other dropout, which the papers train with: results with it do not compare.
 *
 * @see Oreshkin et al. 2018, https://arxiv.org/abs/1805.10123
 * @see Lee et al. 2019, section 4.1 (64-160-320-640), https://arxiv.org/abs/1904.03758
 */
export function resnet12({ image, widths, outputs }: Resnet12Options): Model {
  const blocks = widths.map((filters, i) =>
    convolutionsOf(i + 1, i === 0 ? image[2] : widths[i - 1]!, filters),
  );
  const features = widths[3];
  const embed = (params: Params, x: tf.Tensor, options: ApplyOptions = {}): tf.Tensor => {
    let y = x as tf.Tensor4D;
    for (const block of blocks) y = residual(params, y, block, options);
    return tf.mean(y, [1, 2]);
  };
  return {
    params: [
      ...blocks.flat().flatMap(convolutionParams),
      {
        name: "head.weights",
        shape: [features, outputs],
        initial: { type: "glorot", fanIn: features, fanOut: outputs },
        adapted: true,
        part: "head",
      },
      {
        name: "head.bias",
        shape: [outputs],
        initial: { type: "constant", value: 0 },
        adapted: true,
        part: "head",
      },
    ],
    layers: blocks.flat().map(
      ({ name, inputs, filters }): ModelLayer => ({
        name,
        type: "convolution",
        inputs,
        features: filters,
        isNormalized: true,
      }),
    ),
    apply(params, x, options) {
      const flat = embed(params, x, options) as tf.Tensor2D;
      return tf.add(tf.matMul(flat, params["head.weights"] as tf.Tensor2D), params["head.bias"]!);
    },
    embed,
  };
}

/** The convolutions of a block in the order in which they run: three in a row, and the shortcut. */
function convolutionsOf(block: number, inputs: number, filters: number): readonly Convolution[] {
  const name = `block${block}`;
  return [
    { name: `${name}.conv1`, side: 3, inputs, filters },
    { name: `${name}.conv2`, side: 3, inputs: filters, filters },
    { name: `${name}.conv3`, side: 3, inputs: filters, filters },
    { name: `${name}.shortcut`, side: 1, inputs, filters },
  ];
}

function convolutionParams({ name, side, inputs, filters }: Convolution): readonly ParamSpec[] {
  const perFilter = (suffix: string, value: number): ParamSpec => ({
    name: `${name}.${suffix}`,
    shape: [filters],
    initial: { type: "constant", value },
    adapted: true,
    part: "norm",
  });
  return [
    {
      name: `${name}.weights`,
      shape: [side, side, inputs, filters],
      // He et al. 2015 by the outgoing connections, as in the authors' code.
      initial: { type: "normal", standardDeviation: Math.sqrt(2 / (side * side * filters)) },
      adapted: true,
    },
    perFilter("gamma", 1),
    perFilter("beta", 0),
  ];
}

/** One block: `[n, h, w, c]` -> `[n, h / 2, w / 2, filters]`. */
function residual(
  params: Params,
  x: tf.Tensor4D,
  [first, second, third, shortcut]: readonly Convolution[],
  options: ApplyOptions,
): tf.Tensor4D {
  const one = tf.leakyRelu(normalized(params, x, first!, options), LEAK);
  const two = tf.leakyRelu(normalized(params, one, second!, options), LEAK);
  const sum = tf.add(normalized(params, two, third!, options), normalized(params, x, shortcut!, options));
  // Max-pooling commutes with increasing maps: the leaky ReLU then sees a quarter of the elements.
  return tf.leakyRelu(tf.maxPool(sum as tf.Tensor4D, 2, 2, "valid"), LEAK);
}

/** The convolution and its batch norm. */
function normalized(
  params: Params,
  x: tf.Tensor4D,
  { name }: Convolution,
  { statistics, condition }: ApplyOptions,
): tf.Tensor4D {
  const y = tf.conv2d(x, params[`${name}.weights`] as tf.Tensor4D, 1, "same");
  const batchMean = tf.mean(y, [0, 1, 2]);
  const batch = { mean: batchMean, variance: tf.mean(tf.square(tf.sub(y, batchMean)), [0, 1, 2]) };
  const { mean, variance } = statistics?.(name, batch) ?? batch;
  const scale = tf.mul(params[`${name}.gamma`]!, tf.rsqrt(tf.add(variance, EPSILON)));
  const values = tf.add(tf.mul(tf.sub(y, mean), scale), params[`${name}.beta`]!);
  return (condition?.[name]?.(values) ?? values) as tf.Tensor4D;
}
