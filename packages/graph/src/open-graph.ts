import { parseDevice, targetOf } from "./device.ts";
import type { Executable } from "./executable.ts";
import { GraphError } from "./graph-error.ts";
import { openOnnx } from "./onnx/onnx-executor.ts";
import type { SerializedGraph } from "./onnx/serialized-graph.ts";

/**
 * Makes a serialized graph ready to run: what `compile` does after lowering.
 *
 * @param deviceName `cpu`, `cuda`, `cuda:<index>` or `webgpu`
 * @throws {GraphError} E_DEVICE if the device does not open, or the graph is of another target
 */
export async function openGraph(graph: SerializedGraph, deviceName: string): Promise<Executable> {
  const device = parseDevice(deviceName);
  const isOnnx = device.type === "cpu" || device.type === "cuda" || device.type === "webgpu";
  if (isOnnx && targetOf(device) === graph.target) return openOnnx(graph, device);
  throw new GraphError(
    "E_DEVICE",
    `${deviceName}: expected a graph serialized for it, got one for ${graph.target}`,
  );
}
