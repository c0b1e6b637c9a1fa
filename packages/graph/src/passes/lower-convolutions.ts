import type { GraphBuilder } from "../graph-builder.ts";
import type { Node, Window } from "../node.ts";
import { indexWindow } from "./window-index.ts";

/**
 * The three convolutions as gathers and matrix products.
 *
 * With images as rows `[N, H * W, C]`, the columns of an image are one `gather` of rows, and
 *
 *     F(x, w)   = columns(x) . w            [N * OH * OW, taps * C] x [taps * C, O]
 *     BF(x, dy) = columns(x)^T . dy         the same columns, computed once
 *     BI(dy, w) = columns'(dy) . w'         where columns' gathers, per input, the outputs that read it
 *
 * With strides most entries of columns' would be zero; there BI scatters `dy . w^T` instead, which is a
 * gather again, because each input knows the few pairs of output and tap that read it.
 */
export function lowerConvolution(
  b: GraphBuilder,
  node: Extract<Node, { op: "conv" | "convInputGrad" | "convFilterGrad" }>,
  inputs: readonly Node[],
): Node {
  const [first, second] = inputs as [Node, Node];
  const { window } = node.attributes;
  const taps = window.size[0] * window.size[1];
  switch (node.op) {
    case "conv": {
      const [, , channels, filters] = second.shape as [number, number, number, number];
      const rows = columns(b, first, window, node);
      return b.reshape(b.matMul(rows, b.reshape(second, [taps * channels, filters])), node.shape);
    }
    case "convFilterGrad": {
      const rows = columns(b, first, window, second);
      return b.reshape(b.matMul(rows, asRows(b, second), true, false), node.shape);
    }
    case "convInputGrad": {
      const strided = window.strides[0] > 1 || window.strides[1] > 1;
      return b.reshape(
        strided ? scattered(b, node, first, second) : gathered(b, node, first, second),
        node.shape,
      );
    }
  }
}

/** `[N * OH * OW, taps * C]`: under each output position, the inputs that its taps read. */
function columns(b: GraphBuilder, x: Node, window: Window, output: Node): Node {
  const [images, , , channels] = x.shape as [number, number, number, number];
  const taps = window.size[0] * window.size[1];
  const positions = output.shape[1]! * output.shape[2]!;
  const index = indexWindow(window, x.shape, output.shape);
  const rows = gatherRows(b, x, index.inputOfTap, index.inputOfTapHasHoles);
  return b.reshape(rows, [images * positions, taps * channels]);
}

/** BI as columns of `dy`, times the filter with input and output channels swapped. */
function gathered(
  b: GraphBuilder,
  node: Extract<Node, { op: "convInputGrad" }>,
  dy: Node,
  filter: Node,
): Node {
  const { window } = node.attributes;
  const [, , channels, filters] = filter.shape as [number, number, number, number];
  const taps = window.size[0] * window.size[1];
  const [images, height, width] = node.shape as [number, number, number];
  const index = indexWindow(window, node.shape, dy.shape);
  const rows = gatherRows(b, dy, index.outputOfTap, index.outputOfTapHasHoles);
  const swapped = b.transpose(b.reshape(filter, [taps, channels, filters]), [0, 2, 1]);
  return b.matMul(
    b.reshape(rows, [images * height * width, taps * filters]),
    b.reshape(swapped, [taps * filters, channels]),
  );
}

/** BI as `dy . w^T`, each product then added to the input that its tap reads. */
function scattered(
  b: GraphBuilder,
  node: Extract<Node, { op: "convInputGrad" }>,
  dy: Node,
  filter: Node,
): Node {
  const { window } = node.attributes;
  const [, , channels, filters] = filter.shape as [number, number, number, number];
  const taps = window.size[0] * window.size[1];
  const [images, outHeight, outWidth] = dy.shape as [number, number, number];
  const products = b.matMul(asRows(b, dy), b.reshape(filter, [taps * channels, filters]), false, true);
  return foldTaps(b, b.reshape(products, [images, outHeight * outWidth * taps, channels]), window, node, dy);
}

/** Adds `[N, OH * OW * taps, C]`, a value per output and tap, into the inputs that the taps read. */
export function foldTaps(b: GraphBuilder, values: Node, window: Window, input: Node, output: Node): Node {
  const [images, height, width, channels] = input.shape as [number, number, number, number];
  const index = indexWindow(window, input.shape, output.shape);
  const rows = gatherRows(b, values, index.pairsOfInput, index.pairsOfInputHasHoles);
  const summed = b.reduceSum(b.reshape(rows, [images * height * width, index.readers, channels]), [1]);
  return b.reshape(summed, [images, height, width, channels]);
}

/** Rows of `[N, positions..., C]` at `index`, where position `positions` is a row of `hole`. */
export function gatherRows(b: GraphBuilder, x: Node, index: Int32Array, hasHoles: boolean, hole = 0): Node {
  const images = x.shape[0]!;
  const channels = x.shape[x.shape.length - 1]!;
  const positions = x.shape.slice(1, -1).reduce((product, side) => product * side, 1);
  const rows = b.reshape(x, [images, positions, channels]);
  if (index.length === positions && index.every((position, i) => position === i)) return rows;
  const source = hasHoles ? b.concat([rows, b.splat(hole, [images, 1, channels])], 1) : rows;
  return b.gather(source, b.constant(index, [index.length], "int32"), 1);
}

function asRows(b: GraphBuilder, x: Node): Node {
  const channels = x.shape[3]!;
  return b.reshape(x, [x.shape[0]! * x.shape[1]! * x.shape[2]!, channels]);
}
