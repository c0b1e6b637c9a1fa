// Everything that runs a graph which is serialized already: without TensorFlow.js, capture or lowering, so
// that a thread which only computes starts at once.

export type { CachedGraph } from "./cache/cached-graph.ts";
export { codeVersion } from "./cache/code-version.ts";
export {
  type GraphCache,
  type GraphCacheEvent,
  graphCacheSize,
  readCachedGraph,
  writeCachedGraph,
} from "./cache/graph-cache.ts";
export { parseDevice, type Target } from "./device.ts";
export type { Executable, NumericArray } from "./executable.ts";
export { refuseTelemetry } from "./onnx/refuse-telemetry.ts";
export type { SerializedGraph } from "./onnx/serialized-graph.ts";
export { targetOf } from "./onnx/target-of.ts";
export { openGraph } from "./open-graph.ts";
