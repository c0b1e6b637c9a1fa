import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, type Shape, sizeOf, type Window } from "../node.ts";
import { blockedConv, canBlock, isThin, reversedFilter, reversedWindow } from "./block-convolutions.ts";
import { indexWindow } from "./window-index.ts";

/**
 * Columns that are computed at a time, in bytes: what stays in a core's cache until the product has read
 * it. Longer columns are computed in groups of images. Each product computes its own: that is faster than to
 * read them back from memory, and they need not be kept.
 */
const COLUMN_BYTES_MAX = 4 * 2 ** 20;

/**
 * The three convolutions as gathers and matrix products.
 *
 * With images as rows `[N, H * W, C]`, the columns of an image are one `gather` of rows, and
 *
 *     F(x, w)   = columns(x) . w            [N * OH * OW, taps * C] x [taps * C, O]
 *     BF(x, dy) = columns(x)^T . dy
 *     BI(dy, w) = columns'(dy) . w'         where columns' gathers, per input, the outputs that read it
 *
 * F and BI stay convolutions where the engine has a direct kernel for them (`block-convolutions.ts`), and F alone
 * only if `isReadEnough`: if the convolutions of an image read it often enough to bring it into blocks.
 *
 * With strides most entries of columns' would be zero; there BI scatters `dy . w^T` instead, which is a
 * gather again, because each input knows the few pairs of output and tap that read it.
 */
export function lowerConvolution(
  b: GraphBuilder,
  node: Extract<Node, { op: "conv" | "convInputGrad" | "convFilterGrad" }>,
  inputs: readonly Node[],
  blockSize: number | null,
  isReadEnough: boolean,
): Node {
  const [first, second] = inputs as [Node, Node];
  const { window } = node.attributes;
  switch (node.op) {
    case "conv": {
      const fitsBlocks = isReadEnough && canBlock(blockSize, window, first.shape, node.shape);
      if (fitsBlocks || isThin(blockSize, window, first.shape, node.shape))
        return blockedConv(b, first, second, window, node.shape);
      const filter = asMatrix(b, second);
      const parts = groupImages(first, node, window).map((group) =>
        b.matMul(columns(b, first, window, node, group), filter),
      );
      return b.reshape(joinRows(b, parts), node.shape);
    }
    case "convFilterGrad":
      return lowerFilterGrad(b, node.shape, first, [{ dy: second, window }]);
    case "convInputGrad": {
      const strided = window.strides[0] > 1 || window.strides[1] > 1;
      return strided
        ? b.reshape(scattered(b, node, first, second), node.shape)
        : lowerInputGrad(b, node, { parts: [first], shape: first.shape }, second, blockSize);
    }
  }
}

/** BF over several parts of `dy`, each with the window that its positions were computed with: their sum. */
export function lowerFilterGrad(
  b: GraphBuilder,
  shape: Shape,
  x: Node,
  parts: readonly { readonly dy: Node; readonly window: Window }[],
): Node {
  const products = parts.flatMap(({ dy, window }) =>
    groupImages(x, dy, window).map((group) =>
      b.matMul(rowsOf(b, dy, group), columns(b, x, window, dy, group), true, false),
    ),
  );
  // (dy^T . columns)^T: to transpose the narrow `dy` and the sum is up to a fifth faster than to let Gemm read
  // the wide columns down.
  const sum = products.reduce((before, product) => b.binary("add", before, product));
  return b.reshape(b.transpose(sum, swapLast(sum)), shape);
}

function swapLast({ shape }: Node): number[] {
  const rank = shape.length;
  return [...Array.from({ length: rank - 2 }, (_, axis) => axis), rank - 1, rank - 2];
}

/** `dy` of a convolution, whole or in parts of its positions. */
export interface OutputGradient {
  /** Each `[..., N, h, w, C]`; together all positions of an image, one part after the other. */
  readonly parts: readonly Node[];
  /** Of the whole: `[..., N, H, W, C]`. */
  readonly shape: Shape;
  /** Where each position, in row-major order, lies in the parts. Default: in that order. */
  readonly placeOf?: Int32Array;
}

/**
 * BI of a convolution without strides: columns of `dy`, times the filter with its channels swapped; or the
 * direct convolution of `dy` with that filter, taps in reverse.
 */
export function lowerInputGrad(
  b: GraphBuilder,
  node: Extract<Node, { op: "convInputGrad" }>,
  dy: OutputGradient,
  filter: Node,
  blockSize: number | null,
): Node {
  const { window } = node.attributes;
  const reversed = reversedWindow(window);
  if (canBlock(blockSize, reversed, dy.shape, node.shape)) {
    const rows = dy.placeOf === undefined ? dy.parts[0]! : gatherRows(b, dy.parts, dy.placeOf, false);
    return blockedConv(b, b.reshape(rows, dy.shape), reversedFilter(b, filter), reversed, node.shape);
  }
  const [channels, filters] = [filter.shape.at(-2)!, filter.shape.at(-1)!];
  const taps = tapsOf(window);
  const [, height, width] = imageShape(node);
  const { outputOfTap, outputOfTapHasHoles } = indexWindow(
    b,
    window,
    imageShapeOf(node.shape),
    imageShapeOf(dy.shape),
  );
  const index = dy.placeOf === undefined ? outputOfTap : placed(outputOfTap, dy.placeOf);
  const before = lead(filter);
  const swap = [...before.map((_, axis) => axis), ...[0, 2, 1].map((axis) => before.length + axis)];
  const swapped = b.transpose(b.reshape(filter, [...before, taps, channels, filters]), swap);
  const matrix = b.reshape(swapped, [...before, taps * filters, channels]);
  const products = groupImages(dy.parts[0]!, node, window).map((group) => {
    const images = dy.parts.map((part) => imagesOf(b, part, group));
    const rows = gatherRows(b, images, index, outputOfTapHasHoles, { isShared: false });
    return b.matMul(b.reshape(rows, [...before, group.count * height * width, taps * filters]), matrix);
  });
  return b.reshape(joinRows(b, products), node.shape);
}

/** `index` with each position replaced by its place; the one behind the last is that of the zeros. */
function placed(index: Int32Array, placeOf: Int32Array): Int32Array {
  return index.map((position) => placeOf[position] ?? placeOf.length);
}

/** Consecutive images. */
interface ImageGroup {
  readonly begin: number;
  readonly count: number;
}

/** The images in equal groups with columns of at most `COLUMN_BYTES_MAX`: a row of taps of `x` per position of `output`. */
function groupImages(x: Node, output: Node, window: Window): ImageGroup[] {
  const [images, height, width] = imageShape(output);
  const examples = sizeOf(lead(x));
  const bytes = 4 * examples * height * width * tapsOf(window) * x.shape.at(-1)!;
  const groups = Math.ceil(images / Math.max(1, Math.floor(COLUMN_BYTES_MAX / bytes)));
  const count = Math.ceil(images / groups);
  return Array.from({ length: Math.ceil(images / count) }, (_, i) => ({
    begin: i * count,
    count: Math.min(count, images - i * count),
  }));
}

function imagesOf(b: GraphBuilder, x: Node, { begin, count }: ImageGroup): Node {
  const axis = x.shape.length - 4;
  return b.slice(
    x,
    x.shape.map((_, i) => (i === axis ? begin : 0)),
    x.shape.map((side, i) => (i === axis ? count : side)),
  );
}

function rowsOf(b: GraphBuilder, x: Node, group: ImageGroup): Node {
  return asRows(b, imagesOf(b, x, group));
}

function joinRows(b: GraphBuilder, parts: readonly Node[]): Node {
  return parts.length === 1 ? parts[0]! : b.concat(parts, parts[0]!.shape.length - 2);
}

/** `[N * OH * OW, taps * C]`: under each output position, the inputs that its taps read. */
function columns(b: GraphBuilder, x: Node, window: Window, output: Node, group: ImageGroup): Node {
  const index = indexWindow(b, window, imageShape(x), imageShape(output));
  const images = imagesOf(b, x, group);
  const rows = gatherRows(b, [images], index.inputOfTap, index.inputOfTapHasHoles, { isShared: false });
  const [, height, width] = imageShape(output);
  return b.reshape(rows, [...lead(x), group.count * height * width, tapsOf(window) * x.shape.at(-1)!]);
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
  const index = indexWindow(b, window, input, output);
  const rows = gatherRows(b, [values], index.pairsOfInput, index.pairsOfInputHasHoles);
  const summed = b.reduceSum(b.reshape(rows, [images * height * width, index.readers, channels]), [1]);
  return b.reshape(summed, [images, height, width, channels]);
}

/**
 * Rows of `[N, H, W, C]` or `[N, positions, C]` at `index`; the position after the last is a row of `hole`.
 *
 * @param parts one tensor, or several whose positions follow each other
 */
export function gatherRows(
  b: GraphBuilder,
  parts: readonly Node[],
  index: Int32Array,
  hasHoles: boolean,
  { hole = 0, isShared = true }: { readonly hole?: number; readonly isShared?: boolean } = {},
): Node {
  const channels = parts[0]!.shape.at(-1)!;
  const rows = parts.map((x) => {
    const positions = x.shape.length === 3 ? x.shape[1]! : x.shape.at(-3)! * x.shape.at(-2)!;
    return b.reshape(x, [sizeOf(x.shape) / (positions * channels), positions, channels]);
  });
  const count = rows.reduce((sum, { shape }) => sum + shape[1]!, 0);
  if (rows.length === 1 && index.length === count && index.every((position, i) => position === i))
    return rows[0]!;
  const zeros = hasHoles ? [b.splat(hole, [rows[0]!.shape[0]!, 1, channels])] : [];
  const source = b.concat([...rows, ...zeros], 1);
  return b.gather(source, b.constant(index, [index.length], "int32"), 1, isShared);
}

/** Axes of examples that each have their own filter. */
function lead(x: Node): Shape {
  return x.shape.slice(0, -4);
}

function imageShape({ shape }: Node): [number, number, number, number] {
  return imageShapeOf(shape);
}

function imageShapeOf(shape: Shape): [number, number, number, number] {
  return shape.slice(-4) as [number, number, number, number];
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
