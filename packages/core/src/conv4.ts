import { stopGradient } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { ApplyOptions, Model, NormStatistics, ParamSpec, Params } from "./model.ts";

export interface Conv4Options {
  /** `[height, width, channels]` of an image. */
  readonly image: readonly [number, number, number];
  readonly filters: number;
  readonly outputs: number;
  /** `maxpool`: 2x2 max-pooling after each layer, then flatten. `stride`: stride 2, then a mean over space. */
  readonly downsampling: "maxpool" | "stride";
  /** Learned: scale gamma and shift beta; or beta alone, which the inner loop leaves alone; or nothing. */
  readonly batchNorm: "affine" | "outer-shift" | "none";
  readonly head: "glorot" | "normal";
}

const LAYERS = 4;
const TAPS = 9;
/** Added to the variance, as in the MAML authors' code. */
const EPSILON = 1e-3;

/**
 * The four-layer convolutional network of few-shot learning: four times 3x3 SAME convolution, batch norm
 * with the statistics of the batch, ReLU, and down-sampling; then a linear layer.
 *
 * The convolutions have no bias: the batch mean takes it away. Two identities keep full-size passes out
 * of the graph, exactly but for rounding:
 *
 * - Max-pooling commutes with increasing maps, so it comes first, and batch norm and ReLU see a quarter
 *   of the elements. Where gamma < 0 the map is decreasing; its sign goes into the filter, and
 *   `|gamma|` scales. The sign is locally constant, so it carries no gradient.
 * - In the first layer, `x` holds no parameters. With its patches centred once per task, the convolution
 *   has mean zero, and its variance is `w^T G w` with `G` the patches' covariance: no pass over the image.
 *
 * @see Vinyals et al. 2016; Finn et al. 2017, section 5.2 and appendix A.1
 */
export function conv4(options: Conv4Options): Model {
  const { image, filters, outputs, downsampling, batchNorm } = options;
  const features = featureCount(options);
  const channelsOf = (layer: number): number => (layer === 1 ? image[2] : filters);
  const layers = Array.from({ length: LAYERS }, (_, i) => i + 1);
  const embed = (params: Params, x: tf.Tensor, options: ApplyOptions = {}): tf.Tensor => {
    let y = x as tf.Tensor4D;
    for (const layer of layers) y = block(params, y, layer, downsampling, options);
    return downsampling === "stride" ? tf.mean(y, [1, 2]) : tf.reshape(y, [y.shape[0], features]);
  };
  return {
    params: [
      ...layers.flatMap((layer) => convParams(layer, channelsOf(layer), filters, batchNorm)),
      {
        name: "head.weights",
        shape: [features, outputs],
        initial:
          options.head === "normal"
            ? { type: "normal", standardDeviation: 1 }
            : { type: "glorot", fanIn: features, fanOut: outputs },
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
    layers: layers.map((layer) => ({
      name: `conv${layer}`,
      type: "convolution",
      inputs: channelsOf(layer),
      features: filters,
      isNormalized: true,
    })),
    apply(params, x, options) {
      const flat = embed(params, x, options) as tf.Tensor2D;
      return tf.add(tf.matMul(flat, params["head.weights"] as tf.Tensor2D), params["head.bias"]!);
    },
    embed,
  };
}

function featureCount({ image, filters, downsampling }: Conv4Options): number {
  if (downsampling === "stride") return filters;
  const sideAfter = (side: number): number => Math.floor(side / 2 ** LAYERS);
  return sideAfter(image[0]) * sideAfter(image[1]) * filters;
}

function convParams(
  layer: number,
  channels: number,
  filters: number,
  batchNorm: Conv4Options["batchNorm"],
): ParamSpec[] {
  const name = `conv${layer}`;
  const fans = { fanIn: TAPS * channels, fanOut: TAPS * filters };
  const weights: ParamSpec = {
    name: `${name}.weights`,
    shape: [3, 3, channels, filters],
    initial: { type: "glorot", ...fans },
    adapted: true,
  };
  const perFilter = (suffix: string, value: number): ParamSpec => ({
    name: `${name}.${suffix}`,
    shape: [filters],
    initial: { type: "constant", value },
    adapted: batchNorm === "affine",
    part: "norm",
  });
  switch (batchNorm) {
    case "affine":
      return [weights, perFilter("gamma", 1), perFilter("beta", 0)];
    case "outer-shift":
      return [weights, perFilter("beta", 0)];
    case "none":
      return [weights];
  }
}

/** Convolution, batch norm, ReLU and down-sampling: `[n, h, w, c]` -> `[n, h', w', filters]`. */
function block(
  params: Params,
  x: tf.Tensor4D,
  layer: number,
  downsampling: "maxpool" | "stride",
  { statistics, condition }: ApplyOptions,
): tf.Tensor4D {
  const gamma = params[`conv${layer}.gamma`];
  const beta = params[`conv${layer}.beta`];
  const sign = gamma === undefined ? null : signOf(gamma);
  const weights = params[`conv${layer}.weights`] as tf.Tensor4D;
  const filter = sign === null ? weights : (tf.mul(weights, sign) as tf.Tensor4D);
  const convolved = layer === 1 ? convolveImage(x, filter, downsampling) : convolve(x, filter, downsampling);
  const { centred, variance } =
    statistics === undefined
      ? convolved
      : renormalize(convolved, sign, (batch) => statistics(`conv${layer}`, batch));
  const scale = tf.rsqrt(tf.add(variance, EPSILON));
  const normal = tf.mul(centred, gamma === undefined ? scale : tf.mul(scale, tf.mul(gamma, sign!)));
  const shifted = beta === undefined ? normal : tf.add(normal, beta);
  return tf.relu(condition?.[`conv${layer}`]?.(shifted) ?? shifted) as tf.Tensor4D;
}

/** +1 where `gamma >= 0` and -1 elsewhere, constant for gradients. */
function signOf(gamma: tf.Tensor): tf.Tensor {
  return stopGradient(tf.sub(tf.mul(tf.cast(tf.greaterEqual(gamma, 0), "float32"), 2), 1));
}

interface Convolved extends NormStatistics {
  /** The convolution minus its mean over the batch, down-sampled. The statistics are those before pooling. */
  readonly centred: tf.Tensor;
}

/** Centres with the mean that `choose` returns; the sign in the filter is not part of what it sees. */
function renormalize(
  { centred, mean, variance }: Convolved,
  sign: tf.Tensor | null,
  choose: (batch: NormStatistics) => NormStatistics,
): Pick<Convolved, "centred" | "variance"> {
  const signed = (value: tf.Tensor): tf.Tensor => (sign === null ? value : tf.mul(value, sign));
  const batch = { mean: signed(mean), variance };
  const chosen = choose(batch);
  // Who only looks at the statistics pays no pass over the values.
  if (chosen === batch) return { centred, variance };
  return { centred: tf.add(centred, tf.sub(mean, signed(chosen.mean))), variance: chosen.variance };
}

function convolve(x: tf.Tensor4D, filter: tf.Tensor4D, downsampling: "maxpool" | "stride"): Convolved {
  const y = tf.conv2d(x, filter, downsampling === "stride" ? 2 : 1, "same");
  const mean = tf.mean(y, [0, 1, 2]);
  const variance = tf.mean(tf.square(tf.sub(y, mean)), [0, 1, 2]);
  return { centred: tf.sub(pooled(y, downsampling), mean), mean, variance };
}

/** As `convolve`, for inputs without parameters: all that does not depend on the filter is computed once. */
function convolveImage(x: tf.Tensor4D, filter: tf.Tensor4D, downsampling: "maxpool" | "stride"): Convolved {
  const [, , channels, filters] = filter.shape;
  const taps = TAPS * channels;
  const extract = tf.reshape(
    tf.oneHot(
      tf.tensor1d(
        Int32Array.from({ length: taps }, (_, i) => i),
        "int32",
      ),
      taps,
    ),
    [3, 3, channels, taps],
  );
  // Each patch as `taps` channels: a convolution with the identity.
  const patches = tf.conv2d(
    x,
    tf.cast(extract, "float32") as tf.Tensor4D,
    downsampling === "stride" ? 2 : 1,
    "same",
  );
  const [images, height, width] = patches.shape;
  const patchMean = tf.mean(patches, [0, 1, 2]);
  const rows = tf.reshape(tf.sub(patches, patchMean), [images * height * width, taps]) as tf.Tensor2D;
  const covariance = tf.mul(tf.matMul(rows, rows, true, false), 1 / (images * height * width)) as tf.Tensor2D;
  const matrix = tf.reshape(filter, [taps, filters]) as tf.Tensor2D;
  const y = tf.reshape(tf.matMul(rows, matrix), [images, height, width, filters]) as tf.Tensor4D;
  return {
    centred: pooled(y, downsampling),
    mean: tf.reshape(tf.matMul(tf.reshape(patchMean, [1, taps]), matrix), [filters]),
    variance: tf.sum(tf.mul(matrix, tf.matMul(covariance, matrix)), 0),
  };
}

function pooled(y: tf.Tensor4D, downsampling: "maxpool" | "stride"): tf.Tensor4D {
  return downsampling === "maxpool" ? tf.maxPool(y, 2, 2, "valid") : y;
}
