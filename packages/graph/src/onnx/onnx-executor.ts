import * as ort from "onnxruntime-node";
import { checkInput } from "../check-input.ts";
import type { Executable, NumericArray } from "../compile.ts";
import type { Device } from "../device.ts";
import type { Graph } from "../graph.ts";
import { lower } from "../passes/lower.ts";
import { lowerForGpu } from "../passes/lower-for-gpu.ts";
import { encodeOnnx } from "./onnx-format.ts";
import { checkInstalled, nameOf, openError, sessionOptionsOf } from "./onnx-provider.ts";
import { toOnnx } from "./to-onnx.ts";

/** The devices of ONNX Runtime. */
export type OnnxDevice = Extract<Device, { type: "cpu" | "cuda" | "webgpu" }>;

/**
 * Runs a graph on ONNX Runtime: on its CPU kernels, on the calling thread alone, or whole on a GPU.
 *
 * @throws {GraphError} E_DEVICE if the device does not open, or a node would run on another one
 */
export async function compileOnnx(graph: Graph, device: OnnxDevice): Promise<Executable> {
  checkInstalled(device);
  const lowered = lower(graph);
  const model = encodeOnnx(toOnnx(device.type === "cpu" ? lowered : lowerForGpu(lowered)));
  const session = await ort.InferenceSession.create(model, sessionOptionsOf(device)).catch(
    (error: unknown) => {
      throw openError(device, error);
    },
  );
  return {
    device: nameOf(device),
    inputs: graph.inputs,
    outputs: graph.outputs,
    async run(inputs) {
      const feeds: Record<string, ort.Tensor> = {};
      graph.inputs.forEach((spec, k) => {
        feeds[`input_${k}`] = new ort.Tensor(spec.dtype, checkInput(spec, inputs[k]), spec.shape);
      });
      const results = await session.run(feeds);
      return graph.outputs.map(({ dtype }, k) => {
        const data = results[`output_${k}`]!.data as NumericArray;
        // On a GPU booleans are floats (`passes/lower-for-gpu.ts`).
        return dtype === "bool" && data instanceof Float32Array ? Uint8Array.from(data) : data;
      });
    },
    close: () => session.release(),
  };
}
