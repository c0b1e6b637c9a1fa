import { evaluateBinary, evaluateUnary } from "./evaluate-elementwise.ts";
import type { Executable } from "./executable.ts";
import type { Graph } from "./graph.ts";
import { type Node, type NodeOf, type Shape, sizeOf, topologicalOrder } from "./node.ts";
import { keepAxes, padRank, rowMajorStrides } from "./shape.ts";

/**
 * The oracle of the tests: every primitive as plain loops in float64, straight from its definition.
 *
 * Takes any array of numbers and returns float64 values, whatever the dtype. Slow on purpose.
 */
export function compileReference(graph: Graph): Executable {
  const order = topologicalOrder(graph.results);
  return {
    device: "reference",
    inputs: graph.inputs,
    outputs: graph.outputs,
    async run(inputs) {
      const values = new Map<Node, Float64Array>();
      for (const node of order) {
        values.set(
          node,
          evaluate(
            node,
            node.inputs.map((input) => values.get(input)!),
            inputs as readonly ArrayLike<number>[],
          ),
        );
      }
      return graph.results.map((result) => values.get(result)!.slice());
    },
    async close() {},
  };
}

function evaluate(
  node: Node,
  inputs: readonly Float64Array[],
  args: readonly ArrayLike<number>[],
): Float64Array {
  const [a, b, c] = inputs as [Float64Array, Float64Array, Float64Array];
  const y = new Float64Array(sizeOf(node.shape));
  switch (node.op) {
    case "input":
      return Float64Array.from(args[node.attributes.index]!);
    case "constant":
      return Float64Array.from(node.attributes.data);
    case "variable":
    case "stopGradient":
    case "reshape":
      return a;
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "max":
    case "min":
    case "pow": {
      const [left, right] = node.inputs.map((input) => broadcastIndex(input.shape, node.shape)) as [
        Int32Array,
        Int32Array,
      ];
      for (let i = 0; i < y.length; i++) y[i] = evaluateBinary(node.op, a[left[i]!]!, b[right[i]!]!);
      return y;
    }
    case "equal":
    case "less":
    case "lessEqual":
    case "and":
    case "or": {
      const [left, right] = node.inputs.map((input) => broadcastIndex(input.shape, node.shape)) as [
        Int32Array,
        Int32Array,
      ];
      for (let i = 0; i < y.length; i++) y[i] = truth(node.op, a[left[i]!]!, b[right[i]!]!) ? 1 : 0;
      return y;
    }
    case "not":
      return a.map((value) => (value === 0 ? 1 : 0));
    case "select": {
      const [mask, yes, no] = node.inputs.map((input) => broadcastIndex(input.shape, node.shape)) as [
        Int32Array,
        Int32Array,
        Int32Array,
      ];
      for (let i = 0; i < y.length; i++) y[i] = a[mask[i]!]! !== 0 ? b[yes[i]!]! : c[no[i]!]!;
      return y;
    }
    case "cast":
      if (node.attributes.to === "float32") return a;
      return a.map((value) => (node.attributes.to === "bool" ? Number(value !== 0) : Math.trunc(value)));
    case "transpose": {
      const strides = rowMajorStrides(node.inputs[0]!.shape);
      const moved = node.attributes.permutation.map((axis) => strides[axis]!);
      const index = stridedIndex(node.shape, moved, 0);
      for (let i = 0; i < y.length; i++) y[i] = a[index[i]!]!;
      return y;
    }
    case "broadcast": {
      const index = broadcastIndex(node.inputs[0]!.shape, node.shape);
      for (let i = 0; i < y.length; i++) y[i] = a[index[i]!]!;
      return y;
    }
    case "reduceSum":
    case "reduceMax": {
      const from = node.inputs[0]!.shape;
      const index = broadcastIndex(keepAxes(from, node.attributes.axes), from);
      if (node.op === "reduceMax") y.fill(Number.NEGATIVE_INFINITY);
      for (let i = 0; i < a.length; i++) {
        const at = index[i]!;
        y[at] = node.op === "reduceSum" ? y[at]! + a[i]! : Math.max(y[at]!, a[i]!);
      }
      return y;
    }
    case "argMax": {
      const { outer, side, inner } = around(node.inputs[0]!.shape, node.attributes.axis);
      for (let o = 0; o < outer; o++) {
        for (let i = 0; i < inner; i++) {
          let best = 0;
          for (let k = 1; k < side; k++) {
            if (a[(o * side + k) * inner + i]! > a[(o * side + best) * inner + i]!) best = k;
          }
          y[o * inner + i] = best;
        }
      }
      return y;
    }
    case "slice": {
      const strides = rowMajorStrides(node.inputs[0]!.shape);
      const index = stridedIndex(node.shape, strides, dot(node.attributes.begin, strides));
      for (let i = 0; i < y.length; i++) y[i] = a[index[i]!]!;
      return y;
    }
    case "pad": {
      const strides = rowMajorStrides(node.shape);
      const index = stridedIndex(node.inputs[0]!.shape, strides, dot(node.attributes.before, strides));
      for (let i = 0; i < a.length; i++) y[index[i]!] = a[i]!;
      return y;
    }
    case "concat": {
      const strides = rowMajorStrides(node.shape);
      let start = 0;
      node.inputs.forEach((part, p) => {
        const index = stridedIndex(part.shape, strides, start * strides[node.attributes.axis]!);
        for (let i = 0; i < index.length; i++) y[index[i]!] = inputs[p]![i]!;
        start += part.shape[node.attributes.axis]!;
      });
      return y;
    }
    case "gather": {
      const { outer, side, inner } = around(node.inputs[0]!.shape, node.attributes.axis);
      for (let o = 0; o < outer; o++) {
        for (let k = 0; k < b.length; k++) {
          for (let i = 0; i < inner; i++)
            y[(o * b.length + k) * inner + i] = a[(o * side + b[k]!) * inner + i]!;
        }
      }
      return y;
    }
    case "scatterAdd": {
      const { outer, side, inner } = around(node.shape, node.attributes.axis);
      for (let o = 0; o < outer; o++) {
        for (let k = 0; k < b.length; k++) {
          for (let i = 0; i < inner; i++)
            y[(o * side + b[k]!) * inner + i]! += a[(o * b.length + k) * inner + i]!;
        }
      }
      return y;
    }
    case "matMul":
      return multiply(node, a, b, y);
    case "conv":
    case "convInputGrad":
    case "convFilterGrad":
      return convolve(node, a, b, y);
    case "poolSelect":
    case "poolScatter":
      return pool(node, a, b, y);
    default:
      return a.map((value) => evaluateUnary(node.op, value));
  }
}

function truth(op: "equal" | "less" | "lessEqual" | "and" | "or", x: number, y: number): boolean {
  if (op === "equal") return x === y;
  if (op === "less") return x < y;
  if (op === "lessEqual") return x <= y;
  return op === "and" ? x !== 0 && y !== 0 : x !== 0 || y !== 0;
}

/** For each element of `shape`, row by row, the flat position `offset + sum index * stride`. */
function stridedIndex(shape: Shape, strides: readonly number[], offset: number): Int32Array {
  let index = Int32Array.of(offset);
  shape.forEach((side, axis) => {
    const next = new Int32Array(index.length * side);
    for (let i = 0; i < index.length; i++) {
      for (let k = 0; k < side; k++) next[i * side + k] = index[i]! + k * strides[axis]!;
    }
    index = next;
  });
  return index;
}

/** For each element of `to`, the element of `from` that broadcasting puts there. */
function broadcastIndex(from: Shape, to: Shape): Int32Array {
  const aligned = padRank(from, to.length);
  const strides = rowMajorStrides(aligned).map((stride, axis) => (aligned[axis] === 1 ? 0 : stride));
  return stridedIndex(to, strides, 0);
}

function around(shape: Shape, axis: number): { outer: number; side: number; inner: number } {
  return { outer: sizeOf(shape.slice(0, axis)), side: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function multiply(node: NodeOf<"matMul">, a: Float64Array, b: Float64Array, y: Float64Array): Float64Array {
  const { transposeA, transposeB } = node.attributes;
  const rank = node.shape.length;
  const [n, m] = [node.shape[rank - 2]!, node.shape[rank - 1]!];
  const k = node.inputs[0]!.shape[transposeA ? rank - 2 : rank - 1]!;
  const [rowA, colA] = transposeA ? [1, n] : [k, 1];
  const [rowB, colB] = transposeB ? [1, k] : [m, 1];
  for (let batch = 0; batch < y.length / (n * m); batch++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        let sum = 0;
        for (let l = 0; l < k; l++) {
          sum += a[batch * n * k + i * rowA + l * colA]! * b[batch * k * m + l * rowB + j * colB]!;
        }
        y[(batch * n + i) * m + j] = sum;
      }
    }
  }
  return y;
}

type Visit = (image: number, output: number, input: number, tap: number) => void;

/** Calls `visit` for each pair of output and input position that a tap connects, taps in row-major order. */
function forEachTap(
  node: NodeOf<"conv" | "convInputGrad" | "convFilterGrad" | "poolSelect" | "poolScatter">,
  inputShape: Shape,
  outputShape: Shape,
  visit: Visit,
): void {
  const { size, strides, dilations, padBefore } = node.attributes.window;
  const [images, height, width] = inputShape as [number, number, number];
  const [, outHeight, outWidth] = outputShape as [number, number, number];
  for (let image = 0; image < images; image++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++) {
        for (let ky = 0; ky < size[0]; ky++) {
          const iy = oy * strides[0] + ky * dilations[0] - padBefore[0];
          if (iy < 0 || iy >= height) continue;
          for (let kx = 0; kx < size[1]; kx++) {
            const ix = ox * strides[1] + kx * dilations[1] - padBefore[1];
            if (ix < 0 || ix >= width) continue;
            visit(
              image,
              (image * outHeight + oy) * outWidth + ox,
              (image * height + iy) * width + ix,
              ky * size[1] + kx,
            );
          }
        }
      }
    }
  }
}

function convolve(
  node: NodeOf<"conv" | "convInputGrad" | "convFilterGrad">,
  a: Float64Array,
  b: Float64Array,
  y: Float64Array,
): Float64Array {
  const [first, second] = node.inputs as [Node, Node];
  // F(x, w) = y, BI(dy, w) = dx and BF(x, dy) = dw are one trilinear form, read three ways.
  const roles = {
    conv: { x: a, dy: y, w: b, from: first.shape, to: node.shape },
    convInputGrad: { x: y, dy: a, w: b, from: node.shape, to: first.shape },
    convFilterGrad: { x: a, dy: b, w: y, from: first.shape, to: second.shape },
  }[node.op];
  const { x, dy, w, from, to } = roles;
  const [channels, filters] = [from.at(-1)!, to.at(-1)!];
  // With leading axes, each example has its own slice of images, outputs and filter.
  const examples = sizeOf(from.slice(0, -4));
  for (let t = 0; t < examples; t++) {
    const [xAt, dyAt, wAt] = [x, dy, w].map((array) => (array.length / examples) * t) as [
      number,
      number,
      number,
    ];
    forEachTap(node, from.slice(-4), to.slice(-4), (_, output, input, tap) => {
      for (let i = 0; i < channels; i++) {
        for (let o = 0; o < filters; o++) {
          const ix = xAt + input * channels + i;
          const iy = dyAt + output * filters + o;
          const iw = wAt + (tap * channels + i) * filters + o;
          if (node.op === "conv") dy[iy]! += x[ix]! * w[iw]!;
          else if (node.op === "convInputGrad") x[ix]! += dy[iy]! * w[iw]!;
          else w[iw]! += x[ix]! * dy[iy]!;
        }
      }
    });
  }
  return y;
}

function pool(
  node: NodeOf<"poolSelect" | "poolScatter">,
  reference: Float64Array,
  values: Float64Array,
  y: Float64Array,
): Float64Array {
  const from = node.inputs[0]!.shape;
  const to = node.op === "poolSelect" ? node.shape : node.inputs[1]!.shape;
  const channels = from[3]!;
  const best = new Int32Array(sizeOf(to)).fill(-1);
  forEachTap(node, from, to, (_, output, input) => {
    for (let i = 0; i < channels; i++) {
      const at = output * channels + i;
      if (best[at] === -1 || reference[input * channels + i]! > reference[best[at]!]!)
        best[at] = input * channels + i;
    }
  });
  for (let at = 0; at < best.length; at++) {
    if (node.op === "poolSelect") y[at] = values[best[at]!]!;
    else y[best[at]!]! += values[at]!;
  }
  return y;
}
