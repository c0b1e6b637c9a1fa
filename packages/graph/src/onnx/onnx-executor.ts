import * as ort from "onnxruntime-node";
import type { Executable, NumericArray } from "../compile.ts";
import type { Graph, NamedSpec } from "../graph.ts";
import { GraphError } from "../graph-error.ts";
import { sizeOf } from "../node.ts";
import { lower } from "../passes/lower.ts";
import { encodeOnnx } from "./onnx-format.ts";
import { toOnnx } from "./to-onnx.ts";

/**
 * Runs a graph on ONNX Runtime's CPU kernels, on the calling thread alone.
 *
 * One session has one thread, so that the same leaf has the same bits wherever it runs; throughput
 * comes from one session per core. ONNX Runtime's own graph optimizations are off: they fuse
 * transposes into slower products, and ours have run already.
 */
export async function compileOnnx(graph: Graph): Promise<Executable> {
  const model = encodeOnnx(toOnnx(lower(graph)));
  const session = await ort.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
  }).catch((error: unknown) => {
    throw new GraphError("E_DEVICE", `cpu: ONNX Runtime refused the graph: ${String(error)}`, {
      cause: error,
    });
  });
  return {
    device: "cpu",
    inputs: graph.inputs,
    outputs: graph.outputs,
    async run(inputs) {
      const feeds: Record<string, ort.Tensor> = {};
      graph.inputs.forEach((spec, k) => {
        feeds[`input_${k}`] = tensorOf(spec, inputs[k]);
      });
      const results = await session.run(feeds);
      return graph.outputs.map((_, k) => results[`output_${k}`]!.data as NumericArray);
    },
    close: () => session.release(),
  };
}

function tensorOf({ name, shape, dtype }: NamedSpec, data: NumericArray | undefined): ort.Tensor {
  const fits =
    (dtype === "float32" && data instanceof Float32Array) ||
    (dtype === "int32" && data instanceof Int32Array) ||
    (dtype === "bool" && data instanceof Uint8Array);
  if (!fits || data.length !== sizeOf(shape)) {
    const came = data === undefined ? "nothing" : `${data.constructor.name} of ${data.length}`;
    throw new GraphError(
      "E_SHAPE",
      `input ${name}: expected ${dtype} [${shape}] (${sizeOf(shape)} values), got ${came}`,
    );
  }
  return new ort.Tensor(dtype, data, shape);
}

/** Names of the execution providers that are compiled into this machine's ONNX Runtime: `cpu`, ... */
export function listBackends(): readonly string[] {
  return ort.listSupportedBackends().map(({ name }) => name);
}
