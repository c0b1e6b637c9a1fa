import { parseDevice } from "./device.ts";
import type { Executable } from "./executable.ts";
import type { Graph } from "./graph.ts";
import { openOnnx } from "./onnx/onnx-executor.ts";
import { serializeGraph } from "./onnx/serialized-graph.ts";
import { targetOf } from "./onnx/target-of.ts";
import { compileReference } from "./reference-executor.ts";
import { compileTensorflow } from "./tfjs/compile-tensorflow.ts";
import { compileTfjs } from "./tfjs/tfjs-executor.ts";

export interface CompileOptions {
  /**
   * `cpu`: ONNX Runtime, float32, one thread. `cuda`, `cuda:<index>`, `webgpu`: ONNX Runtime, every node on
   * the GPU. `tensorflow`: TensorFlow through @tensorflow/tfjs-node-gpu or tfjs-node. `tfjs:<backend>`: a
   * TensorFlow.js backend that the caller has registered. `reference`: plain loops in float64, slow, for tests.
   */
  readonly device: string;
}

/**
 * Makes a graph ready to run on a device, and on no other: nothing is replaced in silence.
 *
 * @throws {GraphError} E_DEVICE if there is no such device here or it cannot run the graph; the message and
 * `command` say what brings it
 */
export async function compile(graph: Graph, options: CompileOptions): Promise<Executable> {
  const device = parseDevice(options.device);
  switch (device.type) {
    case "reference":
      return compileReference(graph);
    case "tensorflow":
      return compileTensorflow(graph);
    case "tfjs":
      return compileTfjs(graph, device.backend);
    case "cpu":
    case "cuda":
    case "webgpu":
      return openOnnx(serializeGraph(graph, (await targetOf(device))!), device);
  }
}
