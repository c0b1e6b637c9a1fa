import { fromLayersModel, type LayersApplyOptions } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import type { Model } from "./model.ts";
import { ShoalError } from "./outer/shoal-error.ts";

/** A `tf.layers` model: `tf.LayersModel` or `tf.Sequential`. */
type LayersModel = Parameters<typeof fromLayersModel>[0];

/**
 * A `tf.layers` model of one input and one output as a `Model`.
 *
 * Its trainable weights are the parameters, all adapted, and start at the values that they have now; those
 * of the last layer that has any are the head. The
 * others (frozen layers, moving statistics) are constants. With `training: true`, batch normalization takes
 * the statistics of the batch, as MAML's own networks do; without, the moving ones.
 *
 * @throws {ShoalError} E_EXPERIMENT if the model has more than one input or output
 * @throws {GraphError} E_CAPTURE if a layer keeps state between calls
 */
export function layersModel(model: LayersModel, { training = false }: LayersApplyOptions = {}): Model {
  const [inputs, outputs] = [model.inputs.length, model.outputs.length];
  if (inputs !== 1 || outputs !== 1) {
    throw new ShoalError(
      "E_EXPERIMENT",
      `model "${model.name}": expected one input and one output, got ${inputs} and ${outputs}; ` +
        "write a Model around fromLayersModel of @shoal/graph",
    );
  }
  const { params, apply } = fromLayersModel(model);
  const constants = params.filter(({ trainable }) => !trainable);
  const learned = params.filter(({ trainable }) => trainable);
  const layerOf = (name: string): string => name.slice(0, name.lastIndexOf("/"));
  const last = learned.at(-1);
  return {
    params: learned.map(({ name, shape, value }) => ({
      name,
      shape,
      initial: { type: "values", values: value },
      adapted: true,
      ...(last !== undefined && layerOf(name) === layerOf(last.name) ? { part: "head" } : {}),
    })),
    apply(adapted, x) {
      const fixed = constants.map(({ name, shape, value }) => [name, tf.tensor(value, [...shape])]);
      return apply({ ...Object.fromEntries(fixed), ...adapted }, x, { training }) as tf.Tensor;
    },
  };
}
