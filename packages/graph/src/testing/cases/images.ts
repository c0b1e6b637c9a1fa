import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Images of another size, flipped, normalized. */
export const imagesCases: readonly PrimitiveCase[] = [
  {
    name: "resizeBilinear, larger",
    shapes: [[2, 2, 3, 2]],
    f: (x) => tf.square(tf.image.resizeBilinear(x as tf.Tensor4D, [5, 4])),
  },
  {
    name: "resizeBilinear, smaller, corners aligned",
    shapes: [[1, 5, 4, 2]],
    f: (x) => tf.square(tf.image.resizeBilinear(x as tf.Tensor4D, [3, 2], true)),
  },
  {
    name: "resizeBilinear, half pixel centres",
    shapes: [[1, 3, 4, 1]],
    f: (x) => tf.square(tf.image.resizeBilinear(x as tf.Tensor4D, [5, 2], false, true)),
  },
  {
    name: "resizeNearestNeighbor",
    shapes: [[1, 2, 3, 2]],
    f: (x) => tf.square(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [4, 5])),
  },
  {
    name: "resizeNearestNeighbor, corners aligned",
    shapes: [[1, 3, 3, 1]],
    f: (x) => tf.square(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [5, 2], true)),
  },
  {
    name: "resizeNearestNeighbor, half pixel centres",
    shapes: [[1, 3, 4, 1]],
    f: (x) => tf.square(tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [2, 5], false, true)),
  },
  {
    name: "flipLeftRight",
    shapes: [[2, 2, 3, 2]],
    f: (x) => tf.mul(tf.image.flipLeftRight(x as tf.Tensor4D), x),
  },
  {
    name: "localResponseNormalization",
    shapes: [[1, 2, 2, 5]],
    f: (x) => tf.localResponseNormalization(x as tf.Tensor4D, 1, 1.5, 0.7, 0.75),
  },
];
