export type { Fault, FaultType, Trouble } from "./fault.ts";
export { drawScenario, quietScenario, type Scenario } from "./scenario.ts";
export { type SimulationReport, simulate } from "./simulate.ts";
export type { TraceLine } from "./world.ts";
