import { type Graph, mapGraph, type NamedSpec } from "../graph.ts";
import type { GraphBuilder } from "../graph-builder.ts";
import { type Node, type NodeOf, sizeOf } from "../node.ts";
import { rebuildNode } from "../rebuild-node.ts";

/**
 * Replaces what ONNX Runtime cannot compute on a GPU, or not in the same order each time.
 *
 * Its WebGPU kernels compare, and select by a comparison, but have nothing else for booleans: here they are
 * the float32 0 and 1, where they are not a comparison fresh from its op. So too the graph's boolean
 * results. It has no Sign, no slices, signs and absolute values of int32, and no 64-bit integers, which ArgMax returns and
 * ScatterND takes. ScatterND also adds with atomics: its bits would change from run to run.
 */
export function lowerForGpu(graph: Graph): Graph {
  const { results, ...doors } = mapGraph(graph, (b, node, inputs) => {
    // Native booleans stay as conditions, and as inputs of the graph; whoever else reads them casts them.
    const numbers = inputs.map((input) => asNumber(b, input));
    const [x, y] = numbers as [Node, Node];
    switch (node.op) {
      case "input":
        return rebuildNode(b, node, inputs);
      case "constant":
        return asNumber(b, rebuildNode(b, node, inputs));
      case "and":
        return b.binary("mul", x, y);
      case "or":
        return b.binary("max", x, y);
      case "not":
        return b.binary("sub", b.splat(1), x);
      case "select":
        return b.select(asCondition(b, inputs[0]!), y, numbers[2]!);
      case "cast":
        return node.dtype === "bool" ? b.binary("sub", b.splat(1), isZero(b, x)) : b.cast(x, node.dtype);
      case "neg":
        return x.dtype === "int32" ? negate(b, x) : b.unary("neg", x);
      case "abs":
        return x.dtype === "int32" ? b.binary("max", x, negate(b, x)) : b.unary("abs", x);
      case "sign":
        return sign(b, x);
      case "slice":
        return x.dtype === "int32" ? sliceByGather(b, node, x) : rebuildNode(b, node, numbers);
      case "argMax":
        return argMax(b, node, x);
      case "scatterAdd":
        return y.op === "constant" ? scatterAsGather(b, node, x, y) : scatterAsProduct(b, node, x, y);
      default:
        return rebuildNode(b, node, numbers);
    }
  });
  return withNumberResults({ ...doors, results });
}

/** Boolean results as float32 0 and 1. */
function withNumberResults(graph: Graph): Graph {
  const outputs = graph.outputs.map(
    (spec): NamedSpec => (spec.dtype === "bool" ? { ...spec, dtype: "float32" } : spec),
  );
  const booleans = new Set(graph.results.filter(({ dtype }) => dtype === "bool"));
  if (booleans.size === 0) return { ...graph, outputs };
  const casts = new Map<Node, Node>();
  const { results } = mapGraph(graph, (b, node, inputs) => {
    const rebuilt = rebuildNode(b, node, inputs);
    if (booleans.has(node)) casts.set(rebuilt, b.cast(rebuilt, "float32"));
    return rebuilt;
  });
  return { ...graph, outputs, results: results.map((result) => casts.get(result) ?? result) };
}

function asNumber(b: GraphBuilder, x: Node): Node {
  return x.dtype === "bool" ? b.cast(x, "float32") : x;
}

function asCondition(b: GraphBuilder, x: Node): Node {
  return x.dtype === "bool" ? x : b.compare("less", b.splat(0, [], x.dtype), x);
}

function isZero(b: GraphBuilder, x: Node): Node {
  return asNumber(b, b.compare("equal", x, b.splat(0, [], x.dtype)));
}

/** -x = x - 2 x, since the builder makes 0 - x a `neg`. */
function negate(b: GraphBuilder, x: Node): Node {
  return b.binary("sub", x, b.binary("mul", x, b.splat(2, [], x.dtype)));
}

/** sign x = [0 < x] - [x < 0] */
function sign(b: GraphBuilder, x: Node): Node {
  const zero = b.splat(0, [], x.dtype);
  const isAbove = b.cast(b.compare("less", zero, x), x.dtype);
  return b.binary("sub", isAbove, b.cast(b.compare("less", x, zero), x.dtype));
}

function sliceByGather(b: GraphBuilder, node: NodeOf<"slice">, x: Node): Node {
  return node.attributes.begin.reduce((part, begin, axis) => {
    const side = node.shape[axis]!;
    if (side === part.shape[axis]) return part;
    const index = Int32Array.from({ length: side }, (_, i) => begin + i);
    return b.gather(part, b.constant(index, [side], "int32"), axis);
  }, x);
}

/** The least index `i` with x[i] = max x, as -max over those of -i; exact in float32 below 2^24. */
function argMax(b: GraphBuilder, node: NodeOf<"argMax">, x: Node): Node {
  const { axis } = node.attributes;
  const side = x.shape[axis]!;
  const along = x.shape.map((length, i) => (i === axis ? length : 1));
  const kept = x.shape.map((length, i) => (i === axis ? 1 : length));
  const isMax = b.compare("equal", x, b.reshape(b.reduceMax(x, [axis]), kept));
  const negatedIndex = b.constant(
    Float32Array.from({ length: side }, (_, i) => -i),
    along,
    "float32",
  );
  const found = b.select(isMax, negatedIndex, b.splat(1 - side));
  return b.cast(b.unary("neg", b.reduceMax(found, [axis])), "int32");
}

/** The most values that one place receives, times places, over the values there are: a table beyond is wasteful. */
const TABLE_WASTE_MAX = 4;

/** At constant indices each place knows the values that it receives: it gathers and sums them. */
function scatterAsGather(
  b: GraphBuilder,
  node: NodeOf<"scatterAdd">,
  values: Node,
  index: NodeOf<"constant">,
): Node {
  const { size } = node.attributes;
  const count = sizeOf(index.shape);
  const received: number[][] = Array.from({ length: size }, () => []);
  index.attributes.data.forEach((place, i) => {
    received[place]!.push(i);
  });
  const most = Math.max(1, ...received.map((list) => list.length));
  if (most * size > TABLE_WASTE_MAX * (count + size)) return scatterAsProduct(b, node, values, index);
  // Places that receive fewer read the row of zeros at `count`.
  const table = new Int32Array(size * most).fill(count);
  received.forEach((list, place) => {
    table.set(list, place * most);
  });
  const { outer, inner, rows } = asRows(b, node, values, count);
  const withZeros = b.concat([rows, b.splat(0, [outer, 1, inner])], 1);
  const gathered = b.gather(withZeros, b.constant(table, [size * most], "int32"), 1);
  const sums = b.reduceSum(b.reshape(gathered, [outer, size, most, inner]), [2]);
  return b.reshape(sums, node.shape);
}

/**
 * At computed indices: the product of `[size, count]` ones and zeros with the values.
 *
 * Zero times infinity is not zero: a value that is not finite spoils its whole column.
 */
function scatterAsProduct(b: GraphBuilder, node: NodeOf<"scatterAdd">, values: Node, index: Node): Node {
  const { size } = node.attributes;
  const count = sizeOf(index.shape);
  const places = b.constant(
    Int32Array.from({ length: size }, (_, place) => place),
    [size, 1],
    "int32",
  );
  const goesTo = b.cast(b.compare("equal", places, b.reshape(index, [1, count])), "float32");
  const { outer, inner, rows } = asRows(b, node, values, count);
  const columns = b.reshape(b.transpose(rows, [1, 0, 2]), [count, outer * inner]);
  const sums = b.reshape(b.matMul(goesTo, columns), [size, outer, inner]);
  return b.reshape(b.transpose(sums, [1, 0, 2]), node.shape);
}

/** The scattered axes as one: `[outer, count, inner]`. */
function asRows(
  b: GraphBuilder,
  node: NodeOf<"scatterAdd">,
  values: Node,
  count: number,
): { outer: number; inner: number; rows: Node } {
  const { axis, size } = node.attributes;
  const outer = sizeOf(node.shape.slice(0, axis));
  const inner = sizeOf(node.shape) / (outer * size);
  return { outer, inner, rows: b.reshape(values, [outer, count, inner]) };
}
