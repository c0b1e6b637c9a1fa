import type { NamedSpec } from "./graph.ts";

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
