import * as tf from "@tensorflow/tfjs-core";
import * as tfl from "@tensorflow/tfjs-layers";

type Layer = tfl.layers.Layer;

/** A small layers model with one example of each of its options that matter to capture. */
export interface LayersCase {
  readonly name: string;
  readonly inputs: readonly (readonly number[])[];
  build(): tfl.LayersModel;
  readonly training?: boolean;
  /** The inputs are whole numbers below this. */
  readonly integersBelow?: number;
}

const { layers } = tfl;

const activations = [
  "elu",
  "hardSigmoid",
  "linear",
  "relu",
  "relu6",
  "selu",
  "sigmoid",
  "softmax",
  "softplus",
  "softsign",
  "tanh",
  "swish",
  "mish",
  "gelu",
  "gelu_new",
] as const;

const image = [2, 6, 6, 2] as const;
const sequence = [2, 4, 3] as const;
const vector = [3, 4] as const;

/** A sequential model of these layers, which take one example of `shape`. */
function chain(name: string, shape: readonly number[], ...parts: (() => Layer)[]): LayersCase {
  return {
    name,
    inputs: [shape],
    build() {
      const model = tfl.sequential();
      model.add(layers.inputLayer({ inputShape: shape.slice(1) }));
      for (const part of parts) model.add(part());
      return model;
    },
  };
}

/** A functional model of two inputs. */
function merged(name: string, merge: () => Layer): LayersCase {
  return {
    name,
    inputs: [vector, vector],
    build() {
      const [a, b] = [tfl.input({ shape: [4] }), tfl.input({ shape: [4] })];
      const hidden = layers.dense({ units: 4, activation: "tanh" }).apply(a) as tfl.SymbolicTensor;
      const both = merge().apply([hidden, b]) as tfl.SymbolicTensor;
      return tfl.model({ inputs: [a, b], outputs: layers.dense({ units: 2 }).apply(both) as never });
    },
  };
}

// The default, orthogonal, needs the chained ops that only @tensorflow/tfjs registers.
const plain = { recurrentInitializer: "glorotNormal" } as const;

const dense = (): Layer => layers.dense({ units: 3, activation: "tanh" });
const conv = (options: Partial<Parameters<typeof layers.conv2d>[0]>) => (): Layer =>
  layers.conv2d({ filters: 2, kernelSize: 3, activation: "tanh", ...options });

export const layersCases: readonly LayersCase[] = [
  ...activations.map((activation) =>
    chain(`dense, ${activation}`, vector, () => layers.dense({ units: 5, activation }), dense),
  ),
  chain("dense without bias, of sequences", sequence, () => layers.dense({ units: 2, useBias: false })),
  chain("conv2d, same", image, conv({ padding: "same" })),
  chain("conv2d, valid, strides", image, conv({ strides: [2, 1] })),
  chain("conv2d, dilation", image, conv({ dilationRate: 2 })),
  chain("conv1d", sequence, () => layers.conv1d({ filters: 2, kernelSize: 2 })),
  chain("conv2d, channels first", [2, 2, 5, 5], conv({ dataFormat: "channelsFirst" })),
  chain("conv2dTranspose", image, () => layers.conv2dTranspose({ filters: 2, kernelSize: 3, strides: 2 })),
  chain("depthwiseConv2d", image, () => layers.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2 })),
  chain("separableConv2d", image, () => layers.separableConv2d({ filters: 3, kernelSize: 3 })),
  chain("maxPooling2d", image, conv({}), () => layers.maxPooling2d({ poolSize: 2 })),
  chain("averagePooling2d", image, conv({}), () => layers.averagePooling2d({ poolSize: 3, strides: 1 })),
  chain("globalAveragePooling2d", image, conv({}), () => layers.globalAveragePooling2d({})),
  chain("globalMaxPooling2d", image, conv({}), () => layers.globalMaxPooling2d({})),
  chain(
    "upSampling2d, zeroPadding2d, cropping2D",
    image,
    conv({}),
    () => layers.upSampling2d({}),
    () => layers.zeroPadding2d({ padding: 1 }),
    () => layers.cropping2D({ cropping: 2 }),
  ),
  chain("batchNormalization, moving statistics", image, conv({}), () => layers.batchNormalization({})),
  {
    ...chain("batchNormalization, batch statistics", image, conv({}), () => layers.batchNormalization({})),
    training: true,
  },
  {
    ...chain("batchNormalization of vectors, batch statistics", vector, dense, () =>
      layers.batchNormalization({}),
    ),
    training: true,
  },
  chain("layerNormalization", vector, dense, () => layers.layerNormalization({})),
  chain(
    "flatten, reshape, permute",
    image,
    conv({}),
    () => layers.flatten(),
    () => layers.reshape({ targetShape: [8, 4] }),
    () => layers.permute({ dims: [2, 1] }),
    dense,
  ),
  chain("repeatVector", vector, dense, () => layers.repeatVector({ n: 2 }), dense),
  chain(
    "leakyReLU, elu, thresholdedReLU, softmax",
    vector,
    dense,
    () => layers.leakyReLU({}),
    dense,
    () => layers.elu(),
    dense,
    () => layers.thresholdedReLU({ theta: 0.1 }),
    () => layers.softmax({}),
  ),
  chain(
    "reLU, prelu, activation",
    vector,
    dense,
    () => layers.prelu({}),
    dense,
    () => layers.reLU({}),
    () => layers.activation({ activation: "sigmoid" }),
  ),
  chain(
    "dropout, noise and masking of nothing",
    vector,
    dense,
    () => layers.dropout({ rate: 0.5 }),
    () => layers.gaussianNoise({ stddev: 1 }),
    () => layers.alphaDropout({ rate: 0.5 }),
  ),
  merged("add", () => layers.add()),
  merged("concatenate", () => layers.concatenate()),
  merged("multiply", () => layers.multiply()),
  merged("average", () => layers.average()),
  merged("maximum", () => layers.maximum()),
  merged("dot", () => layers.dot({ axes: -1 })),
  {
    ...chain(
      "embedding",
      [2, 4],
      () => layers.embedding({ inputDim: 5, outputDim: 3 }),
      () => layers.flatten(),
      dense,
    ),
    integersBelow: 5,
  },
  {
    ...chain(
      "embedding with a mask, lstm",
      [2, 4],
      () => layers.embedding({ inputDim: 5, outputDim: 3, maskZero: true }),
      () => layers.lstm({ units: 2, ...plain }),
    ),
    integersBelow: 5,
  },
  chain("simpleRNN", sequence, () => layers.simpleRNN({ units: 2, ...plain, returnSequences: true })),
  chain("simpleRNN with dropout", sequence, () => layers.simpleRNN({ units: 2, ...plain, dropout: 0.5 })),
  chain("gru", sequence, () => layers.gru({ units: 2, ...plain })),
  chain("lstm", sequence, () => layers.lstm({ units: 2, ...plain }), dense),
  chain("convLstm2d", [2, 2, 4, 4, 1], () =>
    layers.convLstm2d({ filters: 2, kernelSize: 2, ...plain } as never),
  ),
  chain("bidirectional", sequence, () =>
    layers.bidirectional({ layer: layers.lstm({ units: 2, ...plain }) as never, mergeMode: "concat" }),
  ),
  chain("timeDistributed", sequence, () => layers.timeDistributed({ layer: dense() })),
  {
    name: "a layer used twice, two outputs",
    inputs: [vector],
    build() {
      const x = tfl.input({ shape: [4] });
      const shared = layers.dense({ units: 4, activation: "tanh" });
      const once = shared.apply(x) as tfl.SymbolicTensor;
      return tfl.model({ inputs: x, outputs: [once, shared.apply(once) as tfl.SymbolicTensor] });
    },
  },
  {
    name: "a model inside a model",
    inputs: [vector],
    build() {
      const inner = tfl.sequential({ layers: [layers.dense({ units: 3, inputShape: [4] }), dense()] });
      const outer = tfl.sequential();
      outer.add(inner);
      outer.add(dense());
      return outer;
    },
  },
];

/** The model with fixed weights of a scale that keeps activations out of saturation. */
export function withFixedWeights(model: tfl.LayersModel): tfl.LayersModel {
  let count = 0;
  const weights = model.weights.map((weight) => {
    const size = weight.shape.reduce<number>((product, side) => product * side!, 1);
    const values = Float32Array.from({ length: size }, () => {
      const value = 0.6 * Math.sin(1.7 * count++ + 0.3);
      return /variance|gamma/.test(weight.name) ? 1 + value : value;
    });
    return tf.tensor(values, weight.shape as number[]);
  });
  model.setWeights(weights);
  for (const weight of weights) weight.dispose();
  return model;
}
