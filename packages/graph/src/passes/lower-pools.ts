import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, sizeOf, type Window } from "../node.ts";
import { foldTaps, gatherRows } from "./lower-convolutions.ts";
import { indexWindow } from "./window-index.ts";

/**
 * Max-pooling's select and scatter as comparisons and selections; the first maximum in row-major order wins.
 *
 * The common 2x2 window with stride 2 is a tournament of two rounds, left against right, then upper
 * against lower: contiguous halves, no index tables. Any other window walks its taps one by one.
 */
export function lowerPool(
  b: GraphBuilder,
  node: Extract<Node, { op: "poolSelect" | "poolScatter" }>,
  inputs: readonly Node[],
): Node {
  const [reference, values] = inputs as [Node, Node];
  const { window } = node.attributes;
  if (isHalving(window)) {
    return node.op === "poolSelect"
      ? selectHalves(b, reference, values, node)
      : scatterHalves(b, reference, values, node);
  }
  return node.op === "poolSelect"
    ? selectTaps(b, reference, values, node)
    : scatterTaps(b, reference, values, node);
}

/** True for the 2x2 window with stride 2. */
export function isHalving({ size, strides, dilations, padBefore }: Window): boolean {
  return (
    [...size, ...strides].every((n) => n === 2) &&
    [...dilations].every((n) => n === 1) &&
    padBefore.every((n) => n === 0)
  );
}

/** `[N, 2 OH, 2 OW, C]` as its left and right columns, each `[N * OH, 2, OW * C]`. */
function columnsOf(b: GraphBuilder, x: Node, output: readonly number[]): [Node, Node] {
  const [images, height, width, channels] = output as [number, number, number, number];
  const even = b.slice(x, [0, 0, 0, 0], [images, 2 * height, 2 * width, channels]);
  return halves(b, b.reshape(even, [images * 2 * height * width, 2, channels])).map((half) =>
    b.reshape(half, [images * height, 2, width * channels]),
  ) as [Node, Node];
}

/** `[n, 2, m]` as its two `[n, 1, m]`. */
function halves(b: GraphBuilder, x: Node): [Node, Node] {
  const half = [x.shape[0]!, 1, x.shape[2]!];
  return [b.slice(x, [0, 0, 0], half), b.slice(x, [0, 1, 0], half)];
}

/** Who wins: left over right, and then upper over lower. */
function tournament(b: GraphBuilder, reference: Node, output: readonly number[]) {
  const [left, right] = columnsOf(b, reference, output);
  const [upper, lower] = halves(b, b.binary("max", left, right));
  return {
    leftWins: b.compare("lessEqual", right, left),
    upperWins: b.compare("lessEqual", lower, upper),
    upper,
    lower,
  };
}

function selectHalves(b: GraphBuilder, reference: Node, x: Node, node: Node): Node {
  const { leftWins, upperWins, upper, lower } = tournament(b, reference, node.shape);
  if (x === reference) return b.reshape(b.binary("max", upper, lower), node.shape);
  const [left, right] = columnsOf(b, x, node.shape);
  const [high, low] = halves(b, b.select(leftWins, left, right));
  return b.reshape(b.select(upperWins, high, low), node.shape);
}

function scatterHalves(b: GraphBuilder, reference: Node, dy: Node, node: Node): Node {
  const [images, height, width, channels] = dy.shape as [number, number, number, number];
  const { leftWins, upperWins } = tournament(b, reference, dy.shape);
  const rows = b.reshape(dy, [images * height, 1, width * channels]);
  const both = b.concat(divide(b, rows, upperWins), 1);
  const [left, right] = divide(b, both, leftWins).map((half) =>
    b.reshape(half, [images * 2 * height * width, 1, channels]),
  ) as [Node, Node];
  const even = b.reshape(b.concat([left, right], 1), [images, 2 * height, 2 * width, channels]);
  return b.pad(even, [0, 0, 0, 0], node.shape);
}

/** What goes to the winner, and the rest: products with 0 and 1, which engines do much faster than selections. */
function divide(b: GraphBuilder, x: Node, wins: Node): [Node, Node] {
  const won = b.binary("mul", x, b.cast(wins, "float32"));
  return [won, b.binary("sub", x, won)];
}

/** Tap by tap `[N, OH * OW, 1, C]`; a tap outside of the image reads `hole`. */
function tapsOf(b: GraphBuilder, x: Node, window: Window, output: readonly number[], hole: number): Node[] {
  const [images, height, width, channels] = output as [number, number, number, number];
  const taps = window.size[0] * window.size[1];
  const index = indexWindow(b, window, x.shape, output);
  const rows = b.reshape(gatherRows(b, [x], index.inputOfTap, index.inputOfTapHasHoles, { hole }), [
    images,
    height * width,
    taps,
    channels,
  ]);
  return Array.from({ length: taps }, (_, tap) =>
    b.slice(rows, [0, 0, tap, 0], [images, height * width, 1, channels]),
  );
}

/** For each tap but the first: does it beat all before it? */
function beatsAllBefore(b: GraphBuilder, reference: Node, window: Window, output: readonly number[]): Node[] {
  const [first, ...rest] = tapsOf(b, reference, window, output, Number.NEGATIVE_INFINITY);
  let best = first!;
  return rest.map((tap) => {
    const wins = b.compare("less", best, tap);
    best = b.binary("max", best, tap);
    return wins;
  });
}

function selectTaps(
  b: GraphBuilder,
  reference: Node,
  x: Node,
  node: Extract<Node, { op: "poolSelect" }>,
): Node {
  const { window } = node.attributes;
  const wins = beatsAllBefore(b, reference, window, node.shape);
  const [first, ...rest] = tapsOf(b, x, window, node.shape, 0);
  const chosen = rest.reduce((best, tap, i) => b.select(wins[i]!, tap, best), first!);
  return b.reshape(chosen, node.shape);
}

function scatterTaps(
  b: GraphBuilder,
  reference: Node,
  dy: Node,
  node: Extract<Node, { op: "poolScatter" }>,
): Node {
  const { window } = node.attributes;
  const [images, height, width, channels] = dy.shape as [number, number, number, number];
  const wins = beatsAllBefore(b, reference, window, dy.shape);
  const zero = b.splat(0);
  // The last tap that beat all before it is the first maximum; it takes the value from the others.
  let rest: Node = b.reshape(dy, [images, height * width, 1, channels]);
  const parts: Node[] = [];
  for (let tap = wins.length; tap >= 1; tap--) {
    parts.unshift(b.select(wins[tap - 1]!, rest, zero));
    rest = b.select(wins[tap - 1]!, zero, rest);
  }
  const values = b.concat([rest, ...parts], 2);
  const flat = b.reshape(values, [images, sizeOf(values.shape) / (images * channels), channels]);
  return foldTaps(b, flat, window, node.shape, dy.shape);
}
