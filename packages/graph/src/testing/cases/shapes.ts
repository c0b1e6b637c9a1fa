import * as tf from "@tensorflow/tfjs-core";
import type { PrimitiveCase } from "./primitive-case.ts";

/** Elements in another order, repeated, joined or with more around them. */
export const shapesCases: readonly PrimitiveCase[] = [
  { name: "reshape", shapes: [[2, 6]], f: (x) => tf.square(tf.reshape(x, [3, -1])) },
  {
    name: "expandDims and squeeze",
    shapes: [[2, 3]],
    f: (x) => tf.squeeze(tf.square(tf.expandDims(x, 1)), [1]),
  },
  {
    name: "transpose",
    shapes: [[2, 3, 4]],
    f: (x) => tf.mul(tf.transpose(x, [2, 0, 1]), tf.transpose(tf.sin(x), [2, 0, 1])),
  },
  { name: "tile", shapes: [[2, 3]], f: (x) => tf.square(tf.tile(x, [2, 2])) },
  { name: "broadcastTo", shapes: [[3]], f: (x) => tf.square(tf.broadcastTo(x, [2, 3])) },
  {
    name: "concat",
    shapes: [
      [2, 3],
      [2, 2],
    ],
    f: (x, y) => tf.square(tf.concat([x, y], 1)),
  },
  {
    name: "pad",
    shapes: [[2, 3]],
    f: (x) =>
      tf.square(
        tf.pad(x, [
          [1, 0],
          [0, 2],
        ]),
      ),
  },
  {
    name: "pad with a value",
    shapes: [[2, 3]],
    f: (x) =>
      tf.square(
        tf.pad(
          x,
          [
            [1, 0],
            [0, 2],
          ],
          2,
        ),
      ),
  },
  { name: "reverse", shapes: [[2, 3, 4]], f: (x) => tf.mul(tf.reverse(x, [0, 2]), x) },
  { name: "reverse along one axis", shapes: [[2, 3]], f: (x) => tf.mul(tf.reverse(x, -1), x) },
  {
    name: "mirrorPad, reflect",
    shapes: [[3, 4]],
    f: (x) =>
      tf.square(
        tf.mirrorPad(
          x,
          [
            [2, 1],
            [0, 3],
          ],
          "reflect",
        ),
      ),
  },
  {
    name: "mirrorPad, symmetric",
    shapes: [[3, 2]],
    f: (x) =>
      tf.square(
        tf.mirrorPad(
          x,
          [
            [0, 3],
            [2, 1],
          ],
          "symmetric",
        ),
      ),
  },
  { name: "depthToSpace", shapes: [[2, 2, 3, 8]], f: (x) => tf.square(tf.depthToSpace(x as tf.Tensor4D, 2)) },
  {
    name: "spaceToBatchND",
    shapes: [[2, 3, 4, 1]],
    f: (x) =>
      tf.square(
        tf.spaceToBatchND(
          x,
          [2, 2],
          [
            [0, 1],
            [1, 1],
          ],
        ),
      ),
  },
  {
    name: "batchToSpaceND",
    shapes: [[8, 2, 2, 1]],
    f: (x) =>
      tf.square(
        tf.batchToSpaceND(
          x,
          [2, 2],
          [
            [0, 1],
            [1, 0],
          ],
        ),
      ),
  },
  {
    name: "meshgrid",
    shapes: [[3], [2]],
    f: (x, y) => {
      const [columns, rows] = tf.meshgrid(x, y);
      return tf.mul(columns!, rows!);
    },
  },
  { name: "bandPart", shapes: [[3, 3]], f: (x) => tf.square(tf.linalg.bandPart(x, 1, 0)) },
];
