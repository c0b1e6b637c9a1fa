import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, type Shape, sizeOf, type Window } from "../node.ts";

/**
 * Convolutions that stay convolutions, for an engine with a direct kernel: it takes channels in blocks of a
 * vector register's floats, and needs no columns. `onnx/write-blocked-convolution.ts` brings images and filters
 * into that order before it, and out of it behind.
 */

/** Output positions of all images below which bringing the filter into blocks costs more than the kernel saves. */
const POSITIONS_MIN = 200;

/** True if the kernel computes F from images `[..., N, H, W, C]` to `[..., N, OH, OW, O]`, and it pays. */
export function canBlock(blockSize: number | null, window: Window, from: Shape, to: Shape): boolean {
  return (
    blockSize !== null &&
    from.at(-1)! % blockSize === 0 &&
    to.at(-1)! % blockSize === 0 &&
    sizeOf(to.slice(-4, -1)) >= POSITIONS_MIN &&
    padsOf(window, from, to) !== null
  );
}

/** Channels of an image that is kept as planes, and not in blocks. */
const PLANES_MAX = 4;

/**
 * True for a convolution of few channels into no more than its patches have, as the first layer of an image
 * network: in planes, `[N, C, H, W]`, it is 1.6 to 3.5 times as fast as gathering rows of so few channels.
 */
export function isThin(blockSize: number | null, window: Window, from: Shape, to: Shape): boolean {
  const channels = from.at(-1)!;
  return (
    blockSize !== null &&
    from.length === 4 &&
    channels <= PLANES_MAX &&
    to.at(-1)! <= window.size[0] * window.size[1] * channels &&
    padsOf(window, from, to) !== null
  );
}

/** Zeros around the image: above, left, below, right; null if none give the window `to`'s positions. */
export function padsOf(window: Window, from: Shape, to: Shape): readonly number[] | null {
  const [above, below] = padsAlong(window, 0, from.at(-3)!, to.at(-3)!);
  const [left, right] = padsAlong(window, 1, from.at(-2)!, to.at(-2)!);
  const pads = [above, left, below, right];
  return pads.every((zeros) => zeros >= 0) ? pads : null;
}

/** Zeros before and behind one axis; -1 where there is no such number. */
function padsAlong(
  { size, strides, dilations, padBefore }: Window,
  axis: 0 | 1,
  inputs: number,
  outputs: number,
): readonly [number, number] {
  const [stride, before] = [strides[axis], padBefore[axis]];
  const span = dilations[axis] * (size[axis] - 1) + 1;
  const behind = Math.max(0, (outputs - 1) * stride + span - inputs - before);
  const isExact = Math.floor((inputs + before + behind - span) / stride) + 1 === outputs;
  return [before, isExact ? behind : -1];
}

/** F, one example after the other: each has a filter of its own, and the kernel takes one. */
export function blockedConv(b: GraphBuilder, x: Node, filter: Node, window: Window, shape: Shape): Node {
  const sides = [shape.at(-3)!, shape.at(-2)!] as const;
  const lead = shape.slice(0, -4);
  if (lead.length === 0) return b.conv(x, filter, window, sides);
  const [images, filters] = [examplesOf(b, x, sizeOf(lead)), examplesOf(b, filter, sizeOf(lead))];
  const results = images.map((image, i) => b.conv(image, filters[i]!, window, sides));
  return b.reshape(b.concat(results, 0), shape);
}

/** The `count` tensors of rank 4 that `x` holds. */
function examplesOf(b: GraphBuilder, x: Node, count: number): Node[] {
  const one = x.shape.slice(-4);
  const all = b.reshape(x, [count, ...one]);
  return Array.from({ length: count }, (_, i) => b.reshape(b.slice(all, [i, 0, 0, 0, 0], [1, ...one]), one));
}

/** BI(dy, w) = F(dy, w') for a window without strides: w' has its taps in reverse and its channels swapped. */
export function reversedFilter(b: GraphBuilder, filter: Node): Node {
  const [height, width, channels, filters] = filter.shape.slice(-4) as [number, number, number, number];
  const lead = filter.shape.slice(0, -4);
  const rank = lead.length;
  const taps = height * width;
  const reverse = Int32Array.from({ length: taps }, (_, tap) => taps - 1 - tap);
  const rows = b.reshape(filter, [...lead, taps, channels, filters]);
  const reversed = b.gather(rows, b.constant(reverse, [taps], "int32"), rank);
  const swapped = b.transpose(reversed, [...lead.map((_, axis) => axis), rank, rank + 2, rank + 1]);
  return b.reshape(swapped, [...lead, height, width, filters, channels]);
}

/** The window of that F. */
export function reversedWindow({ size, dilations, padBefore, ...window }: Window): Window {
  const pad = (axis: 0 | 1): number => dilations[axis] * (size[axis] - 1) - padBefore[axis];
  return { ...window, size, dilations, padBefore: [pad(0), pad(1)] };
}
