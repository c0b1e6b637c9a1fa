import type * as tf from "@tensorflow/tfjs-core";
import { builder, isTensor, nodeOf, tensorOf } from "./capture.ts";
import { differentiate } from "./differentiate.ts";
import { GraphError } from "./graph-error.ts";
import { flattenTree, type Tree, unflattenTree } from "./tree.ts";

/** A scalar function of a tree of float32 tensors, and of anything else. */
type ScalarFunction<P extends Tree<tf.Tensor>, Rest extends unknown[]> = (x: P, ...rest: Rest) => tf.Tensor;

/**
 * The gradient of the scalar `f` in its first argument, as a tree like that argument.
 *
 * Works under `capture` only, and nests: the gradient of a function that takes a gradient is exact,
 * because both are nodes of one graph.
 *
 * @throws {GraphError} E_GRADIENT if `f` does not return a float32 scalar
 */
export function grad<P extends Tree<tf.Tensor>, Rest extends unknown[]>(
  f: ScalarFunction<P, Rest>,
): (x: P, ...rest: Rest) => P {
  return (x, ...rest) => valueAndGrad(f)(x, ...rest).gradient;
}

/** The value and the gradient of the scalar `f` in its first argument. See `grad`. */
export function valueAndGrad<P extends Tree<tf.Tensor>, Rest extends unknown[]>(
  f: ScalarFunction<P, Rest>,
): (x: P, ...rest: Rest) => { value: tf.Tensor; gradient: P } {
  const withAux = valueAndGradWithAux((x: P, ...rest: Rest) => ({ value: f(x, ...rest), aux: null }));
  return (x, ...rest) => {
    const { value, gradient } = withAux(x, ...rest);
    return { value, gradient };
  };
}

/** As `valueAndGrad`, for a function that also returns something beside the scalar. */
export function valueAndGradWithAux<P extends Tree<tf.Tensor>, Rest extends unknown[], Aux>(
  f: (x: P, ...rest: Rest) => { value: tf.Tensor; aux: Aux },
): (x: P, ...rest: Rest) => { value: tf.Tensor; gradient: P; aux: Aux } {
  return (x, ...rest) => {
    const b = builder();
    const leaves = flattenTree<tf.Tensor>(x, isTensor);
    // Fresh variables tell "through x" from "through the same value that f closes over".
    const variables = leaves.map(({ path, leaf }) => {
      if (leaf.dtype !== "float32") {
        throw new GraphError(
          "E_GRADIENT",
          `grad: ${path || "argument"}: expected float32, got ${leaf.dtype}`,
        );
      }
      return b.variable(nodeOf(leaf));
    });
    const inner = unflattenTree<tf.Tensor, tf.Tensor>(x, isTensor, variables.map(tensorOf)) as P;
    const { value, aux } = f(inner, ...rest);
    const gradients = differentiate(b, nodeOf(value), variables).map(tensorOf);
    return { value, gradient: unflattenTree<tf.Tensor, tf.Tensor>(x, isTensor, gradients) as P, aux };
  };
}

/** The same values, through which no gradient flows. */
export function stopGradient<P extends Tree<tf.Tensor>>(x: P): P {
  const leaves = flattenTree<tf.Tensor>(x, isTensor).map(({ leaf }) =>
    tensorOf(builder().stopGradient(nodeOf(leaf))),
  );
  return unflattenTree<tf.Tensor, tf.Tensor>(x, isTensor, leaves) as P;
}
