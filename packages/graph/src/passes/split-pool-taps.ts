import type { Graph } from "../graph.ts";
import { GraphBuilder } from "../graph-builder.ts";
import { type Node, type Shape, topologicalOrder, type Window } from "../node.ts";
import { rebuildNode } from "../rebuild-node.ts";
import { findSplits, type Split } from "./find-splits.ts";
import { lowerFilterGrad, lowerInputGrad } from "./lower-convolutions.ts";

/** Rows and columns of a 2x2 window, in row-major order. */
const TAPS = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** A tensor as its four parts, one per tap of the pool that it goes through. */
type Parts = readonly [Node, Node, Node, Node];

/**
 * Keeps what goes through a 2x2 max-pool of stride 2 as four tensors, one per tap of the pool.
 *
 * A convolution computes each part by itself, as one of stride 2; the pool is then a maximum of four tensors
 * and its adjoint four products with a mask, where interleaved rows would be taken apart and put together
 * again. Sums over positions are sums of four sums; element-wise operations work part by part, on arrays
 * that are four times smaller.
 */
export function splitPoolTaps(graph: Graph, blockSize: number | null): Graph {
  const order = topologicalOrder(graph.results);
  const splits = findSplits(graph, order);
  if (splits.size === 0) return graph;
  const b = new GraphBuilder();
  const whole = new Map<Node, Node>();
  const parts = new Map<Node, Parts>();
  for (const node of order) {
    const split = splits.get(node);
    if (split === undefined) whole.set(node, rebuildWhole(b, node, whole, parts, blockSize));
    else parts.set(node, rebuildParts(b, node, split, whole, parts));
  }
  return { ...graph, results: graph.results.map((result) => whole.get(result)!) };
}

/** A node that is split, from inputs of which some are. */
function rebuildParts(
  b: GraphBuilder,
  node: Node,
  split: Split,
  whole: ReadonlyMap<Node, Node>,
  parts: ReadonlyMap<Node, Parts>,
): Parts {
  switch (node.op) {
    case "conv": {
      const [x, filter] = node.inputs.map((input) => whole.get(input)!) as [Node, Node];
      return eachTap((k) =>
        b.conv(x, filter, windowOfTap(node.attributes.window, k), [split.height / 2, split.width / 2]),
      );
    }
    case "poolScatter": {
      const [reference, dy] = [parts.get(node.inputs[0]!)!, whole.get(node.inputs[1]!)!];
      const masks = masksOf(b, reference);
      return eachTap((k) => b.binary("mul", dy, masks[k]!));
    }
    case "reshape": {
      const before = parts.get(node.inputs[0]!)!;
      return eachTap((k) => b.reshape(before[k]!, partShape(node.shape, split)));
    }
    default:
      return eachTap((k) =>
        rebuildNode(
          b,
          node,
          node.inputs.map((input) => parts.get(input)?.[k] ?? whole.get(input)!),
        ),
      );
  }
}

/** A node that is whole, from inputs of which some are split. */
function rebuildWhole(
  b: GraphBuilder,
  node: Node,
  whole: ReadonlyMap<Node, Node>,
  parts: ReadonlyMap<Node, Parts>,
  blockSize: number | null,
): Node {
  const split = node.inputs.map((input) => parts.get(input));
  if (split.every((one) => one === undefined)) {
    return rebuildNode(
      b,
      node,
      node.inputs.map((input) => whole.get(input)!),
    );
  }
  switch (node.op) {
    case "poolSelect": {
      const [reference, x] = split as [Parts, Parts];
      return reference === x ? maximaOf(b, x).all : selectByMask(b, masksOf(b, reference), x);
    }
    case "convFilterGrad": {
      const dy = split[1]!;
      const windows = TAPS.map((_, k) => windowOfTap(node.attributes.window, k));
      return lowerFilterGrad(
        b,
        node.shape,
        whole.get(node.inputs[0]!)!,
        windows.map((window, k) => ({ dy: dy[k]!, window })),
      );
    }
    case "convInputGrad": {
      const { shape } = node.inputs[0]!;
      const dy = { parts: split[0]!, shape, placeOf: placesOf(shape) };
      return lowerInputGrad(b, node, dy, whole.get(node.inputs[1]!)!, blockSize);
    }
    default:
      // A sum over positions, or a product that sums over them.
      return sumOf(
        b,
        eachTap((k) =>
          rebuildNode(
            b,
            node,
            split.map((one) => one![k]!),
          ),
        ),
      );
  }
}

function eachTap(make: (tap: number) => Node): Parts {
  return [make(0), make(1), make(2), make(3)];
}

/** The window of the outputs `2 o + tap`: they read `(2 o + tap) * stride + k * dilation - padBefore`. */
function windowOfTap({ strides, padBefore, ...window }: Window, k: number): Window {
  const tap = TAPS[k]!;
  return {
    ...window,
    strides: [2 * strides[0], 2 * strides[1]],
    padBefore: [padBefore[0] - tap[0] * strides[0], padBefore[1] - tap[1] * strides[1]],
  };
}

/** Where each position of `[..., H, W, C]`, in row-major order, lies when the four parts follow each other. */
function placesOf(shape: Shape): Int32Array {
  const [height, width] = [shape.at(-3)!, shape.at(-2)!];
  return Int32Array.from({ length: height * width }, (_, position) => {
    const [y, x] = [Math.floor(position / width), position % width];
    const tap = 2 * (y % 2) + (x % 2);
    return ((tap * height) / 2 + Math.floor(y / 2)) * (width / 2) + Math.floor(x / 2);
  });
}

function partShape(shape: Shape, { height, width }: Split): Shape {
  const isImage = shape.at(-3) === height && shape.at(-2) === width;
  const positions = isImage ? [height / 2, width / 2] : [shape.at(-2)! / 4];
  return [...shape.slice(0, isImage ? -3 : -2), ...positions, shape.at(-1)!];
}

function maximaOf(b: GraphBuilder, [a, c, d, e]: Parts) {
  const [upper, lower] = [b.binary("max", a, c), b.binary("max", d, e)];
  return { upper, lower, all: b.binary("max", upper, lower) };
}

/** 1 where a tap is the first maximum in row-major order, and 0 elsewhere. Bytes until the last step. */
function masksOf(b: GraphBuilder, reference: Parts): Parts {
  const [a, c, d, e] = reference;
  const { upper, lower } = maximaOf(b, reference);
  const [isUpper, isFirst, isThird] = [
    b.compare("lessEqual", lower, upper),
    b.compare("lessEqual", c, a),
    b.compare("lessEqual", e, d),
  ];
  const mask = (row: Node, column: Node): Node => b.cast(b.logical("and", row, column), "float32");
  return [
    mask(isUpper, isFirst),
    mask(isUpper, b.not(isFirst)),
    mask(b.not(isUpper), isThird),
    mask(b.not(isUpper), b.not(isThird)),
  ];
}

function selectByMask(b: GraphBuilder, masks: Parts, x: Parts): Node {
  return sumOf(
    b,
    eachTap((k) => b.binary("mul", masks[k]!, x[k]!)),
  );
}

function sumOf(b: GraphBuilder, [a, c, d, e]: Parts): Node {
  return b.binary("add", b.binary("add", a, c), b.binary("add", d, e));
}
