import * as tf from "@tensorflow/tfjs-core";
import type { Model, ParamSpec } from "./model.ts";

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
  return {
    params: layers.flatMap(({ name, fanIn, fanOut }): ParamSpec[] => [
      {
        name: `${name}.weights`,
        shape: [fanIn, fanOut],
        initial: { type: "glorot", fanIn, fanOut },
        adapted: true,
      },
      { name: `${name}.bias`, shape: [fanOut], initial: { type: "constant", value: 0 }, adapted: true },
    ]),
    apply(params, x) {
      let y: tf.Tensor = tf.reshape(x, [x.shape[0]!, inputs]);
      layers.forEach(({ name }, i) => {
        y = tf.add(
          tf.matMul(y as tf.Tensor2D, params[`${name}.weights`] as tf.Tensor2D),
          params[`${name}.bias`]!,
        );
        if (i < layers.length - 1) y = tf.relu(y);
      });
      return y;
    },
  };
}
