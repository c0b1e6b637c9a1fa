export { capture } from "./capture.ts";
export { type CompileOptions, compile } from "./compile.ts";
export { type Device, parseDevice, threadsMax } from "./device.ts";
export { estimateMemory } from "./estimate-memory.ts";
export type { Executable, NumericArray } from "./executable.ts";
export {
  fromLayersModel,
  type LayersApplyOptions,
  type LayersFunction,
  type LayersParam,
} from "./from-layers-model.ts";
export type { Graph, NamedSpec, TensorSpec } from "./graph.ts";
export { GraphError } from "./graph-error.ts";
export { type DeviceState, listDevices, tryDevice } from "./list-devices.ts";
export { exportOnnx, type OnnxExportOptions } from "./onnx/export-onnx.ts";
export { listBackends } from "./onnx/onnx-provider.ts";
export { serializeGraph } from "./onnx/serialized-graph.ts";
export { grad, stopGradient, valueAndGrad, valueAndGradWithAux } from "./transforms.ts";
export { flattenTree, type MapTree, type PathLeaf, type Tree, unflattenTree } from "./tree.ts";
export { vmap } from "./vmap.ts";
