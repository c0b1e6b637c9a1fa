export { type Interval, interval } from "./interval.ts";
export { createOptimizer, type Optimizer, type OptimizerConfig, type OptimizerState } from "./optimizer.ts";
export { layoutParams, type ParamEntry, type ParamLayout } from "./param-layout.ts";
export { paramsHash } from "./params-hash.ts";
export { createRandom, type Random } from "./random.ts";
export { type Block, blockLeaves, ReductionTree } from "./reduction-tree.ts";
export { isShoalError, ShoalError } from "./shoal-error.ts";
export { addInto, applyUpdate, clip } from "./vector.ts";
