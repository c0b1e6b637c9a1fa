import { parseDevice } from "./device.ts";
import type { Executable } from "./executable.ts";
import { GraphError } from "./graph-error.ts";
import { openOnnx } from "./onnx/onnx-executor.ts";
import type { SerializedGraph } from "./onnx/serialized-graph.ts";
import { targetOf } from "./onnx/target-of.ts";

/**
 * Makes a serialized graph ready to run: what `compile` does after lowering.
 *
 * @param deviceName `cpu`, `cuda`, `cuda:<index>` or `webgpu`
 * @throws {GraphError} E_DEVICE if the device does not open, or the graph is of another target
 */
export async function openGraph(graph: SerializedGraph, deviceName: string): Promise<Executable> {
  const device = parseDevice(deviceName);
  const here = await targetOf(device);
  // A graph for any processor has no operator that some processor lacks.
  const fits = graph.target === here || (graph.target === "cpu" && device.type === "cpu");
  if (fits && (device.type === "cpu" || device.type === "cuda" || device.type === "webgpu"))
    return openOnnx(graph, device);
  throw new GraphError(
    "E_DEVICE",
    `${deviceName}: expected a graph serialized for ${here ?? "nothing"}, got one for ${graph.target}`,
  );
}
