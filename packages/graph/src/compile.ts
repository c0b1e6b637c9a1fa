import type { Graph, NamedSpec } from "./graph.ts";
import { compileOnnx } from "./onnx/onnx-executor.ts";
import { compileReference } from "./reference-executor.ts";

export type NumericArray = Float32Array | Int32Array | Uint8Array | Float64Array;

/** A graph made ready for one device. */
export interface Executable {
  readonly device: string;
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /**
   * Runs the graph once. The inputs are read during the call and not kept; the caller owns the results.
   * `cpu` computes on the calling thread and blocks it.
   *
   * @throws {GraphError} E_SHAPE if an input has the wrong length or type
   */
  run(inputs: readonly NumericArray[]): Promise<readonly NumericArray[]>;
  close(): Promise<void>;
}

export interface CompileOptions {
  /** `cpu`: ONNX Runtime, float32, one thread. `reference`: plain loops in float64, slow, for tests. */
  readonly device: "cpu" | "reference";
}

/** Makes a graph ready to run on a device. */
export async function compile(graph: Graph, options: CompileOptions): Promise<Executable> {
  return options.device === "reference" ? compileReference(graph) : compileOnnx(graph);
}
