export { capture } from "./capture.ts";
export { type CompileOptions, compile, type Executable, type NumericArray } from "./compile.ts";
export type { Graph, NamedSpec, TensorSpec } from "./graph.ts";
export { GraphError } from "./graph-error.ts";
export { listBackends } from "./onnx/onnx-executor.ts";
export { grad, stopGradient, valueAndGrad, valueAndGradWithAux } from "./transforms.ts";
export { flattenTree, type MapTree, type PathLeaf, type Tree, unflattenTree } from "./tree.ts";
export { vmap } from "./vmap.ts";
