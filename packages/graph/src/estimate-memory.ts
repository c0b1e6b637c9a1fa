import type { Graph } from "./graph.ts";
import { type Node, sizeOf, topologicalOrder } from "./node.ts";
import { lower } from "./passes/lower.ts";

/** What an arena takes beyond the arrays that are alive: measured 1.4 to 1.8 on the benchmark's workloads. */
const ARENA_FACTOR = 1.7;

/**
 * Bytes that one run of a graph on the CPU will want at its peak, constants included: the arrays that are
 * alive at the same time, in the order of a depth-first walk, as ONNX Runtime's. Good to a factor of 1.5.
 */
export function estimateMemory(graph: Graph): number {
  return peakBytes(lower(graph));
}

/** `estimateMemory` of a graph that is lowered already. */
export function peakBytes(lowered: Graph): number {
  const order = topologicalOrder(lowered.results);
  const lastUse = new Map<Node, number>();
  order.forEach((node, i) => {
    for (const input of node.inputs) lastUse.set(storageOf(input), i);
  });
  for (const result of lowered.results) lastUse.delete(storageOf(result));
  const ending = new Map<number, Node[]>();
  for (const [node, i] of lastUse) ending.set(i, [...(ending.get(i) ?? []), node]);
  let [constants, alive, peak] = [0, 0, 0];
  order.forEach((node, i) => {
    if (node.op === "constant") constants += bytesOf(node);
    else if (storageOf(node) === node && node.op !== "input") alive += bytesOf(node);
    peak = Math.max(peak, alive);
    for (const ended of ending.get(i) ?? []) {
      if (ended.op !== "constant" && ended.op !== "input") alive -= bytesOf(ended);
    }
  });
  return constants + ARENA_FACTOR * peak;
}

/** The node whose array a node shows in another shape. */
function storageOf(node: Node): Node {
  return node.op === "reshape" ? storageOf(node.inputs[0]!) : node;
}

function bytesOf({ shape, dtype }: Node): number {
  return sizeOf(shape) * (dtype === "bool" ? 1 : 4);
}
