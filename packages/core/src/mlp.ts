import * as tf from "@tensorflow/tfjs-core";
import type { ApplyOptions, Model, ParamSpec, Params } from "./model.ts";

export interface MlpOptions {
  /** Values per example; examples of higher rank are flattened. */
  readonly inputs: number;
  /** Widths of the hidden layers, each followed by a ReLU. */
  readonly hidden: readonly number[];
  readonly outputs: number;
}

/** A multi-layer perceptron. 1-40-40-1 is the sinusoid regressor of Finn et al. 2017, section 5.1. */
export function mlp({ inputs, hidden, outputs }: MlpOptions): Model {
  const widths = [inputs, ...hidden, outputs];
  const layers = widths
    .slice(1)
    .map((width, i) => ({ name: `dense${i + 1}`, fanIn: widths[i]!, fanOut: width }));
  const head = layers.at(-1)!;
  const dense = (
    params: Params,
    x: tf.Tensor,
    { name }: { readonly name: string },
    { condition }: ApplyOptions = {},
  ): tf.Tensor => {
    const product = tf.matMul(x as tf.Tensor2D, params[`${name}.weights`] as tf.Tensor2D);
    const y = tf.add(product, params[`${name}.bias`]!);
    return condition?.[name]?.(y) ?? y;
  };
  const embed = (params: Params, x: tf.Tensor, options?: ApplyOptions): tf.Tensor => {
    let y: tf.Tensor = tf.reshape(x, [x.shape[0]!, inputs]);
    for (const layer of layers.slice(0, -1)) y = tf.relu(dense(params, y, layer, options));
    return y;
  };
  return {
    params: layers.flatMap((layer): ParamSpec[] => {
      const { name, fanIn, fanOut } = layer;
      const common = { adapted: true, ...(layer === head ? { part: "head" as const } : {}) };
      return [
        {
          name: `${name}.weights`,
          shape: [fanIn, fanOut],
          initial: { type: "glorot", fanIn, fanOut },
          ...common,
        },
        { name: `${name}.bias`, shape: [fanOut], initial: { type: "constant", value: 0 }, ...common },
      ];
    }),
    layers: layers.map(({ name, fanIn, fanOut }) => ({
      name,
      type: "dense",
      inputs: fanIn,
      features: fanOut,
      isNormalized: false,
    })),
    apply: (params, x, options) => dense(params, embed(params, x, options), head, options),
    embed,
  };
}
