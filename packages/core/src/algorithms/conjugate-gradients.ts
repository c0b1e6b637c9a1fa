import * as tf from "@tensorflow/tfjs-core";
import type { Params } from "../model.ts";

/**
 * An approximate solution of `A x = b` after `steps` steps of conjugate gradients from zero, for a symmetric
 * linear map `A` that is known by what it does to a vector.
 *
 * Exact after as many steps as there are elements, if `A` is positive definite; much sooner where its
 * eigenvalues lie close together. Runs under capture; once the residual is zero, `x` stays.
 *
 * @see Hestenes and Stiefel 1952; Nocedal and Wright 2006, Algorithm 5.2
 */
export function conjugateGradients(apply: (v: Params) => Params, b: Params, steps: number): Params {
  let x = mapParams(b, tf.zerosLike);
  let residual = b;
  let direction = b;
  let squared = dot(residual, residual);
  for (let step = 0; step < steps; step++) {
    const image = apply(direction);
    const length = ratio(squared, dot(direction, image));
    x = combine(x, length, direction);
    if (step === steps - 1) break;
    residual = combine(residual, tf.neg(length), image);
    const next = dot(residual, residual);
    direction = combine(residual, ratio(next, squared), direction);
    squared = next;
  }
  return x;
}

/** Sum of the products of all elements. */
export function dot(a: Params, b: Params): tf.Tensor {
  return tf.addN(Object.entries(a).map(([name, value]) => tf.sum(tf.mul(value, b[name]!))));
}

/** `a + factor * b`. */
export function combine(a: Params, factor: tf.Tensor | number, b: Params): Params {
  return mapParams(a, (value, name) => tf.add(value, tf.mul(factor, b[name]!)));
}

function mapParams(params: Params, f: (value: tf.Tensor, name: string) => tf.Tensor): Params {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, f(value, name)]));
}

/** `a / b`, and 0 where `a` is 0: nothing is left to solve. */
function ratio(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const isDone = tf.equal(a, 0);
  return tf.where(isDone, tf.zerosLike(a), tf.div(a, tf.where(isDone, tf.onesLike(b), b)));
}
