import { parseDevice } from "./device.ts";
import type { Graph, NamedSpec } from "./graph.ts";
import { compileOnnx } from "./onnx/onnx-executor.ts";
import { compileReference } from "./reference-executor.ts";
import { compileTensorflow } from "./tfjs/compile-tensorflow.ts";
import { compileTfjs } from "./tfjs/tfjs-executor.ts";

export type NumericArray = Float32Array | Int32Array | Uint8Array | Float64Array;

/** A graph made ready for one device. */
export interface Executable {
  readonly device: string;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /**
   * Runs the graph once. The inputs are read during the call and not kept; the caller owns the results.
   * ONNX Runtime (`cpu`, `cuda`, `webgpu`) computes on the calling thread and blocks it.
   *
   * @throws {GraphError} E_SHAPE if an input has the wrong length or type
   */
  run(inputs: readonly NumericArray[]): Promise<readonly NumericArray[]>;
  close(): Promise<void>;
}

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
      return compileOnnx(graph, device);
  }
}
