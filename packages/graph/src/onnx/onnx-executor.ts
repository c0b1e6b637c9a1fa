import * as ort from "onnxruntime-node";
import { checkInput } from "../check-input.ts";
import type { Device } from "../device.ts";
import type { Executable, NumericArray } from "../executable.ts";
import { checkInstalled, nameOf, openError, sessionOptionsOf } from "./onnx-provider.ts";
import { refuseTelemetry } from "./refuse-telemetry.ts";
import type { SerializedGraph } from "./serialized-graph.ts";

/** The devices of ONNX Runtime. */
export type OnnxDevice = Extract<Device, { type: "cpu" | "cuda" | "webgpu" }>;

/**
 * Opens a graph on ONNX Runtime: on its CPU kernels, on the calling thread alone, or whole on a GPU.
 *
 * @param graph one that was serialized for the device's target
 * @throws {GraphError} E_DEVICE if the device does not open, or a node would run on another one
 */
export async function openOnnx(
  { inputs, outputs, model }: SerializedGraph,
  device: OnnxDevice,
): Promise<Executable> {
  checkInstalled(device);
  refuseTelemetry();
  const session = await ort.InferenceSession.create(model, sessionOptionsOf(device)).catch(
    (error: unknown) => {
      throw openError(device, error);
    },
  );
  return {
    device: nameOf(device),
    inputs,
    outputs,
    async run(values) {
      const feeds: Record<string, ort.Tensor> = {};
      inputs.forEach((spec, k) => {
        feeds[`input_${k}`] = new ort.Tensor(spec.dtype, checkInput(spec, values[k]), spec.shape);
      });
      const results = await session.run(feeds);
      return outputs.map(({ dtype }, k) => {
        const data = results[`output_${k}`]!.data as NumericArray;
        // On a GPU booleans are floats (`passes/lower-for-gpu.ts`).
        return dtype === "bool" && data instanceof Float32Array ? Uint8Array.from(data) : data;
      });
    },
    close: () => session.release(),
  };
}
