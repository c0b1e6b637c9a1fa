import { blockSizeOf, type Target } from "../device.ts";
import { peakBytes } from "../estimate-memory.ts";
import type { Graph, NamedSpec } from "../graph.ts";
import { lower } from "../passes/lower.ts";
import { lowerForGpu } from "../passes/lower-for-gpu.ts";
import { encodeOnnx } from "./onnx-format.ts";
import { toOnnx } from "./to-onnx.ts";

/**
 * A graph lowered and written down for ONNX Runtime: plain data, which crosses threads and can be kept on disk.
 *
 * Nothing in it depends on the processor but its target: ONNX Runtime chooses its kernels when it is opened.
 */
export interface SerializedGraph {
  readonly target: Target;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /** An ONNX model. */
  readonly model: Uint8Array;
  /** What `estimateMemory` says of the graph. */
  readonly memoryBytes: number;
}

/** Lowers a graph and writes it down: all of compiling that comes before ONNX Runtime. */
export function serializeGraph(graph: Graph, target: Target): SerializedGraph {
  const blockSize = blockSizeOf(target);
  const lowered = lower(graph, blockSize);
  const { inputs, outputs } = graph;
  const model = encodeOnnx(toOnnx(target === "gpu" ? lowerForGpu(lowered) : lowered, blockSize));
  return { target, inputs, outputs, model, memoryBytes: peakBytes(lowered) };
}
