import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Parts of tensors, by known or computed positions. */
export const indexingCases: readonly PrimitiveCase[] = [
  {
    name: "stack and unstack",
    shapes: [[3], [3]],
    f: (x, y) =>
      tf.mul(
        tf.unstack(tf.stack([x, y], 1), 0)[1]!,
        tf.reshape(tf.slice(tf.stack([x, y]), [1, 0], [1, 2]), [2]),
      ),
  },
  {
    name: "split",
    shapes: [[2, 6]],
    f: (x) => {
      const [a, b, c] = tf.split(x, 3, 1);
      return tf.add(tf.mul(a!, b!), tf.square(c!));
    },
  },
  { name: "slice", shapes: [[3, 4]], f: (x) => tf.square(tf.slice(x, [1, 0], [2, 3])) },
  { name: "gather", shapes: [[2, 4]], f: (x) => tf.square(tf.gather(x, tf.tensor1d([3, 1, 1], "int32"), 1)) },
  {
    name: "gather, matrix of indices",
    shapes: [[4, 2]],
    f: (x) =>
      tf.square(
        tf.gather(
          x,
          tf.tensor2d(
            [
              [3, 1],
              [1, 0],
            ],
            undefined,
            "int32",
          ),
        ),
      ),
  },
  {
    name: "gather at computed indices",
    shapes: [
      [4, 2],
      [3, 4],
    ],
    f: (x, y) => tf.mul(tf.gather(x, tf.argMax(y, 1)), tf.sum(y)),
  },
  {
    name: "gather at computed indices, second axis",
    shapes: [
      [2, 4, 3],
      [5, 4],
    ],
    f: (x, y) => tf.mul(tf.square(tf.gather(x, tf.argMax(y, 1), 1)), tf.sum(y)),
  },
  { name: "slice to the end", shapes: [[3, 4]], f: (x) => tf.square(tf.slice(x, [1, 2])) },
  { name: "slice of rows", shapes: [[3, 4]], f: (x) => tf.square(tf.slice(x, 1, 2)) },
  { name: "stridedSlice", shapes: [[4, 5]], f: (x) => tf.square(tf.stridedSlice(x, [0, 1], [4, 5], [2, 2])) },
  {
    name: "stridedSlice, backwards",
    shapes: [[4, 5]],
    f: (x) => tf.square(tf.stridedSlice(x, [3, -1], [0, -5], [-2, -3])),
  },
  {
    name: "stridedSlice, begin and end masks",
    shapes: [[4, 5]],
    f: (x) => tf.square(tf.stridedSlice(x, [2, 1], [3, 2], [1, 2], 0b01, 0b10)),
  },
  {
    name: "stridedSlice, ellipsis and shrunk axis",
    shapes: [[2, 3, 4]],
    f: (x) => tf.square(tf.stridedSlice(x, [0, 1], [0, 2], [1, 1], 0, 0, 0b01, 0, 0b10)),
  },
  {
    name: "stridedSlice, new axis",
    shapes: [[3, 4]],
    f: (x) => tf.square(tf.stridedSlice(x, [0, 0, 1], [3, 0, 3], [2, 1, 1], 0, 0, 0, 0b010, 0)),
  },
  {
    name: "gather, batched",
    shapes: [[2, 4, 3]],
    f: (x) =>
      tf.square(
        tf.gather(
          x,
          tf.tensor2d(
            [
              [3, 1],
              [0, 0],
            ],
            undefined,
            "int32",
          ),
          1,
          1,
        ),
      ),
  },
  {
    name: "gather, batched, an axis further on",
    shapes: [[2, 2, 4, 2]],
    f: (x) =>
      tf.square(
        tf.gather(
          x,
          tf.tensor2d(
            [
              [3, 1, 2],
              [0, 0, 1],
            ],
            undefined,
            "int32",
          ),
          2,
          1,
        ),
      ),
  },
  {
    name: "gatherND",
    shapes: [[2, 3, 2]],
    f: (x) =>
      tf.square(
        tf.gatherND(
          x,
          tf.tensor2d(
            [
              [0, 2],
              [1, 1],
              [0, 2],
            ],
            undefined,
            "int32",
          ),
        ),
      ),
  },
  {
    name: "scatterND, adding twice",
    shapes: [[3, 2]],
    f: (x) =>
      tf.square(
        tf.scatterND(
          tf.tensor2d(
            [
              [0, 2],
              [1, 1],
              [0, 2],
            ],
            undefined,
            "int32",
          ),
          x,
          [2, 3, 2],
        ),
      ),
  },
  {
    name: "unsortedSegmentSum",
    shapes: [[5, 2]],
    f: (x) => tf.square(tf.unsortedSegmentSum(x, tf.tensor1d([2, 0, 2, -1, 0], "int32"), 4)),
  },
  {
    name: "unsortedSegmentSum at computed segments",
    shapes: [
      [4, 2],
      [4, 3],
    ],
    f: (x, y) => tf.mul(tf.square(tf.unsortedSegmentSum(x, tf.argMax(y, 1), 3)), tf.sum(y)),
  },
];
