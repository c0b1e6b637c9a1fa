import type * as tf from "@tensorflow/tfjs-core";
import type { LayersModel, LayerVariable, Sequential } from "@tensorflow/tfjs-layers";
import { nameUnknownKernel } from "./capture.ts";
import { GraphError } from "./graph-error.ts";
import { withMethods } from "./with-methods.ts";

type Layer = LayersModel["layers"][number];

/** One weight of a layers model. */
export interface LayersParam {
  /** `layer/weight`, as in a saved model; stable across processes where the layer has a name of its own. */
  readonly name: string;
  readonly shape: readonly number[];
  /** False for frozen layers and for the moving statistics of batch normalization. */
  readonly trainable: boolean;
  /** The weight when the model was taken apart; a copy that the caller owns. */
  readonly value: Float32Array;
}

export interface LayersApplyOptions {
  /**
   * What `model.fit` does rather than `model.predict`: batch normalization takes the statistics of the batch
   * (and does not move the moving ones), and random layers such as dropout are refused. Default false: it
   * takes the moving statistics, from `params`, and random layers pass their input on.
   */
  readonly training?: boolean;
}

/** A layers model as parameters and a function of them, without state. */
export interface LayersFunction {
  /** In the order of `model.getWeights()`, so that `model.setWeights` takes trained values back. */
  readonly params: readonly LayersParam[];
  /**
   * The model's outputs with `params` in place of its weights. Differentiable in `params` and `x`, to any
   * order, under capture. Parameters that the model does not have are ignored.
   *
   * @param x one tensor `[n, ...example]` per input of the model; alone, or in an array
   * @returns one tensor per output of the model; alone if there is one
   * @throws {GraphError} E_SHAPE for a parameter or an input that is missing or has another shape;
   *   E_CAPTURE, naming the layer, for what a static graph cannot hold
   */
  apply(
    params: { readonly [name: string]: tf.Tensor },
    x: tf.Tensor | readonly tf.Tensor[],
    options?: LayersApplyOptions,
  ): tf.Tensor | tf.Tensor[];
}

/**
 * Takes a `tf.layers` model (sequential or functional) apart into parameters and a pure function.
 *
 * The model stays as it is and stays usable. While `apply` runs, `read()` of each of its weights gives the
 * parameter instead. Regularizers and constraints are what `model.fit` adds; they are no part of `apply`.
 *
 * @throws {GraphError} E_CAPTURE for a layer that keeps state between calls or a weight that is not float32
 */
export function fromLayersModel(model: LayersModel): LayersFunction {
  if (model.layers.length === 0) {
    throw new GraphError("E_CAPTURE", `fromLayersModel: model "${model.name}" has no layers; add some first`);
  }
  // A sequential model builds itself when it is first used.
  if (!model.built) (model as Sequential).build();
  const layers = layersOf(model);
  const stateful = layers.find((layer) => layer.stateful && !isContainer(layer));
  if (stateful !== undefined) {
    throw new GraphError(
      "E_CAPTURE",
      `fromLayersModel: ${describe(stateful)} keeps state between calls; build it with stateful: false`,
    );
  }
  const weights = nameWeights(model);
  const trainable = new Set(model.trainableWeights);
  return {
    params: [...weights].map(([name, weight]) => ({
      name,
      shape: weight.shape as number[],
      trainable: trainable.has(weight),
      value: Float32Array.from(weight.read().dataSync()),
    })),
    apply(params, x, { training = false } = {}) {
      const inputs = checkInputs(model, x);
      /** The layers that are being called, outermost first; on an error, where it came from. */
      const path: Layer[] = [];
      const replacements = [
        ...[...weights].map(([name, weight]) => {
          const value = checkParam(name, weight, params[name]);
          // Only the moving statistics of batch normalization are written during a call.
          return { object: weight, methods: { read: () => value, write: () => weight } };
        }),
        ...layers.map((layer) => ({ object: layer, methods: { call: follow(layer, path) } })),
      ];
      try {
        return withMethods(replacements, () => model.apply(inputs, { training }) as tf.Tensor | tf.Tensor[]);
      } catch (error) {
        throw located(error, model, path, training);
      }
    },
  };
}

/** The layers of a model and of the models inside it. */
function layersOf(model: LayersModel): Layer[] {
  const nested = model.layers.flatMap((layer) =>
    isContainer(layer) ? [layer, ...layersOf(layer)] : [layer],
  );
  return [...new Set(nested)];
}

function isContainer(layer: Layer): layer is LayersModel {
  return "layers" in layer;
}

/** By name, in the model's order. Two nested models may hold layers of one name; then the names get a suffix. */
function nameWeights(model: LayersModel): Map<string, LayerVariable> {
  const weights = new Map<string, LayerVariable>();
  for (const weight of model.weights) {
    const name = weights.has(weight.originalName) ? weight.name : weight.originalName;
    if (weight.dtype !== "float32") {
      throw new GraphError("E_CAPTURE", `fromLayersModel: ${name}: expected float32, got ${weight.dtype}`);
    }
    weights.set(name, weight);
  }
  return weights;
}

function checkParam(name: string, weight: LayerVariable, value: tf.Tensor | undefined): tf.Tensor {
  if (value?.dtype === "float32" && `${value.shape}` === `${weight.shape}`) return value;
  const came = value === undefined ? "nothing" : `${value.dtype} [${value.shape}]`;
  throw new GraphError("E_SHAPE", `params: ${name}: expected float32 [${weight.shape}], got ${came}`);
}

function checkInputs(model: LayersModel, x: tf.Tensor | readonly tf.Tensor[]): tf.Tensor[] {
  const inputs = Array.isArray(x) ? [...(x as readonly tf.Tensor[])] : [x as tf.Tensor];
  if (inputs.length !== model.inputs.length) {
    throw new GraphError("E_SHAPE", `x: expected ${model.inputs.length} tensors, got ${inputs.length}`);
  }
  for (const [i, { shape, name }] of model.inputs.entries()) {
    const came = inputs[i]!.shape;
    const fits = shape.length === came.length && shape.every((side, k) => side === null || side === came[k]);
    if (fits) continue;
    const expected = shape.map((side) => side ?? "any");
    throw new GraphError("E_SHAPE", `x: ${name}: expected [${expected}], got [${came}]`);
  }
  return inputs;
}

/** The layer's `call`, which leaves the layer on `path` if it throws. */
function follow(layer: Layer, path: Layer[]): Layer["call"] {
  const call = layer.call.bind(layer);
  return (...args) => {
    path.push(layer);
    const result = call(...args);
    path.pop();
    return result;
  };
}

function located(error: unknown, model: LayersModel, path: readonly Layer[], training: boolean): GraphError {
  const cause = nameUnknownKernel(error);
  const code = cause instanceof GraphError ? cause.code : "E_CAPTURE";
  const where = path.length === 0 ? `model "${model.name}"` : path.map(describe).join(" > ");
  const message = cause instanceof Error ? cause.message : String(cause);
  const mode = training ? ", with training: true" : "";
  return new GraphError(code, `fromLayersModel: ${where}${mode}: ${message}`, { cause });
}

function describe(layer: Layer): string {
  return `layer "${layer.name}" (${layer.getClassName()})`;
}
