export { type Capacity, type CapacityReport, planCapacity } from "./capacity.ts";
export type { Fault, FaultType, Trouble } from "./fault.ts";
export { drawScenario, type Failures, type Scenario } from "./scenario.ts";
export { shrink } from "./shrink.ts";
export { type SimulateOptions, type SimulationReport, simulate } from "./simulate.ts";
export type { TraceLine } from "./world.ts";
