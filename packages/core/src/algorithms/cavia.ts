import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { adapt } from "../adapt.ts";
import { lossOf, lossScale } from "../losses.ts";
import type { ApplyOptions, Model, ModelLayer, ParamSpec, Params } from "../model.ts";
import { ShoalError } from "../outer/shoal-error.ts";
import { type Adapted, defineAlgorithm, type TaskExamples } from "./algorithm.ts";
import { checkInnerLoop, describeInnerLoop, innerLoopFields } from "./inner-loop.ts";

/** Where the paper puts the context: the input of a network of numbers, the third layer of one of images. */
const PAPER_LAYERS = { dense: 1, convolution: 3 } as const;

/** Name of the context parameters among those of a learner. */
const CONTEXT = "context";

/**
 * CAVIA (fast context adaptation via meta-learning): the inner loop moves a vector `phi` that starts at zero
 * with each task, and nothing else; the network is shared, and only the outer step moves it.
 *
 *     phi' = phi - rate * d loss(support; theta, phi) / d phi
 *
 * A dense layer takes `phi` as further inputs: `[x, phi] W` is `x W_x + phi W_phi`, and the rows `W_phi` are
 * parameters of the algorithm. A convolution is modulated after its batch norm (FiLM, Perez et al. 2018):
 * `gamma * values + beta`, with gamma and beta linear in `phi`, filter by filter.
 *
 * @see Zintgraf et al. 2019, section 3, https://arxiv.org/abs/1810.03642
 */
export const cavia = defineAlgorithm({
  name: "cavia",
  schema: z.strictObject({
    type: z.literal("cavia"),
    ...innerLoopFields,
    /** Context parameters. */
    size: z.int().min(1),
    /** The layer that takes them, from 1; null: the first of an MLP, the third of a convolutional network. */
    layer: z.int().min(1).nullable(),
  }),
  defaults: { innerSteps: 2, innerRate: 1, lossReduction: "mean", size: 100, layer: null },
  inherited: [],
  companions: { evaluation: { innerSteps: 2 } },
  describe: ({ size, ...config }) =>
    `CAVIA (${size} context parameters adapt, the network does not), ${describeInnerLoop(config)}`,
  check: checkInnerLoop,
  create(config, { model, problem }) {
    const { size, innerSteps, innerRate, lossReduction } = config;
    const layer = conditionedLayer(model, config.layer);
    const own = contextLayers[layer.type];
    const scale = lossScale(problem, lossReduction);
    const predict = (params: Params, phi: tf.Tensor, x: tf.Tensor, options?: ApplyOptions): tf.Tensor =>
      model.apply(params, x, {
        ...options,
        condition: { [layer.name]: (values) => own.condition(params, phi, values) },
      });
    const loss = (params: Params, phi: tf.Tensor, { x, y }: TaskExamples): tf.Tensor =>
      tf.mul(lossOf(problem, predict(params, phi, x), y), scale);
    /** The context before the first step and after each. */
    const contexts = (params: Params, support: TaskExamples, steps: number, order: 1 | 2): tf.Tensor[] =>
      adapt(
        ({ [CONTEXT]: phi }) => loss(params, phi!, support),
        { [CONTEXT]: tf.zeros([1, size]) },
        { steps, rate: innerRate, order },
      ).map(({ [CONTEXT]: phi }) => phi!);
    return {
      params: [...model.params.map((param) => ({ ...param, adapted: false })), ...own.params(size, layer)],
      objective(params, { support, query }) {
        const phi = contexts(params, support, innerSteps, 2).at(-1)!;
        const outputs = predict(params, phi, query.x);
        return { value: tf.mul(lossOf(problem, outputs, query.y), scale), outputs };
      },
      adapt: (params, support, steps) =>
        contexts(params, support, steps, 1).map(
          (phi): Adapted => ({
            params: { ...params, [CONTEXT]: phi },
            predict: (x, options) => predict(params, phi, x, options),
          }),
        ),
    };
  },
});

/** How the two kinds of layers take a context, float32 `[1, size]`, and the parameters that it passes. */
const contextLayers: {
  readonly [Type in ModelLayer["type"]]: {
    params(size: number, layer: ModelLayer): readonly ParamSpec[];
    condition(params: Params, phi: tf.Tensor, values: tf.Tensor): tf.Tensor;
  };
} = {
  dense: {
    params: (size, { inputs, features }) => [
      {
        name: "context.weights",
        shape: [size, features],
        initial: { type: "glorot", fanIn: inputs + size, fanOut: features },
        adapted: false,
      },
    ],
    condition: (params, phi, values) =>
      tf.add(values, tf.matMul(phi as tf.Tensor2D, params["context.weights"] as tf.Tensor2D)),
  },
  // Starts as in the authors' code: He et al. 2015 for linear layers, and PyTorch's bias of a linear layer.
  convolution: {
    params: (size, { features }) => [
      {
        name: "context.weights",
        shape: [size, 2 * features],
        initial: { type: "uniform", bound: Math.sqrt(3 / size) },
        adapted: false,
      },
      {
        name: "context.bias",
        shape: [2 * features],
        initial: { type: "uniform", bound: 1 / Math.sqrt(size) },
        adapted: false,
      },
    ],
    condition: (params, phi, values) => {
      const product = tf.matMul(phi as tf.Tensor2D, params["context.weights"] as tf.Tensor2D);
      const film = tf.add(product, params["context.bias"]!);
      const features = values.shape.at(-1)!;
      return tf.add(
        tf.mul(values, tf.reshape(tf.slice(film, [0, 0], [1, features]), [features])),
        tf.reshape(tf.slice(film, [0, features], [1, features]), [features]),
      );
    },
  },
};

/** The layer that takes the context: number `layer`, or the paper's. */
function conditionedLayer({ layers = [] }: Model, layer: number | null): ModelLayer {
  const [first] = layers;
  if (first === undefined) {
    throw new ShoalError(
      "E_EXPERIMENT",
      "algorithm: cavia conditions a layer, and the model names none; give it layers that heed condition",
    );
  }
  const number = layer ?? PAPER_LAYERS[first.type];
  const found = layers[number - 1];
  if (found !== undefined) return found;
  throw new ShoalError(
    "E_EXPERIMENT",
    `algorithm.layer: expected one of the model's ${layers.length} layers, got ${number}`,
  );
}
