import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, type Shape, sizeOf, type Window } from "../node.ts";
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
  switch (node.op) {
    case "conv": {
      const rows = columns(b, first, window, node);
      return b.reshape(b.matMul(rows, asMatrix(b, second)), node.shape);
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
  const index = indexWindow(window, imageShape(x), imageShape(output));
  const rows = gatherRows(b, x, index.inputOfTap, index.inputOfTapHasHoles);
  const [images, height, width] = imageShape(output);
  return b.reshape(rows, [...lead(x), images * height * width, tapsOf(window) * x.shape.at(-1)!]);
}

/** BI as columns of `dy`, times the filter with input and output channels swapped. */
function gathered(
  b: GraphBuilder,
  node: Extract<Node, { op: "convInputGrad" }>,
  dy: Node,
  filter: Node,
): Node {
  const { window } = node.attributes;
  const [channels, filters] = [filter.shape.at(-2)!, filter.shape.at(-1)!];
  const taps = tapsOf(window);
  const [images, height, width] = imageShape(node);
  const index = indexWindow(window, imageShape(node), imageShape(dy));
  const rows = gatherRows(b, dy, index.outputOfTap, index.outputOfTapHasHoles);
  const before = lead(filter);
  const swap = [...before.map((_, axis) => axis), ...[0, 2, 1].map((axis) => before.length + axis)];
  const swapped = b.transpose(b.reshape(filter, [...before, taps, channels, filters]), swap);
  return b.matMul(
    b.reshape(rows, [...before, images * height * width, taps * filters]),
    b.reshape(swapped, [...before, taps * filters, channels]),
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
  const products = b.matMul(asRows(b, dy), asMatrix(b, filter), false, true);
  const [images, outHeight, outWidth] = imageShape(dy);
  const all = images * sizeOf(lead(dy));
  const values = b.reshape(products, [all, outHeight * outWidth * tapsOf(window), filter.shape.at(-2)!]);
  return foldTaps(b, values, window, imageShape(node), imageShape(dy));
}

/** Adds `[N, OH * OW * taps, C]`, a value per output and tap, into the inputs that the taps read. */
export function foldTaps(b: GraphBuilder, values: Node, window: Window, input: Shape, output: Shape): Node {
  const [, height, width] = input as [number, number, number];
  const [images, , channels] = values.shape as [number, number, number];
  const index = indexWindow(window, input, output);
  const rows = gatherRows(b, values, index.pairsOfInput, index.pairsOfInputHasHoles);
  const summed = b.reduceSum(b.reshape(rows, [images * height * width, index.readers, channels]), [1]);
  return b.reshape(summed, [images, height, width, channels]);
}

/** Rows of `[N, H, W, C]` or `[N, positions, C]` at `index`; position `positions` is a row of `hole`. */
export function gatherRows(b: GraphBuilder, x: Node, index: Int32Array, hasHoles: boolean, hole = 0): Node {
  const channels = x.shape.at(-1)!;
  const positions = x.shape.length === 3 ? x.shape[1]! : x.shape.at(-3)! * x.shape.at(-2)!;
  const images = sizeOf(x.shape) / (positions * channels);
  const rows = b.reshape(x, [images, positions, channels]);
  if (index.length === positions && index.every((position, i) => position === i)) return rows;
  const source = hasHoles ? b.concat([rows, b.splat(hole, [images, 1, channels])], 1) : rows;
  return b.gather(source, b.constant(index, [index.length], "int32"), 1);
}

/** Axes of examples that each have their own filter. */
function lead(x: Node): Shape {
  return x.shape.slice(0, -4);
}

function imageShape(x: Node): [number, number, number, number] {
  return x.shape.slice(-4) as [number, number, number, number];
}

function tapsOf(window: Window): number {
  return window.size[0] * window.size[1];
}

/** Images as rows of channels. */
function asRows(b: GraphBuilder, x: Node): Node {
  const [images, height, width, channels] = imageShape(x);
  return b.reshape(x, [...lead(x), images * height * width, channels]);
}

/** A filter as a matrix `[taps * C, O]`. */
function asMatrix(b: GraphBuilder, filter: Node): Node {
  const [height, width, channels, filters] = imageShape(filter);
  return b.reshape(filter, [...lead(filter), height * width * channels, filters]);
}
