export {
  type Checkpoint,
  loadCheckpoint,
  type RejectedCheckpoint,
  type SavedCheckpoint,
  saveCheckpoint,
} from "./checkpoint.ts";
export type { CoordinatorEvent, Evaluation, Outcome } from "./coordinator-event.ts";
export type { Disk, DiskEntry, DiskFile, OpenMode } from "./disk.ts";
export type { Endpoint, EndpointHandler, EndpointHandlers } from "./endpoints.ts";
export { levelOf } from "./event-level.ts";
export type { Finding, Recovered } from "./journal/recover-run.ts";
export { type Status, statusSchema } from "./observe/status.ts";
export type { EvaluatePlan, Plan, TrainPlan } from "./plan.ts";
export { parseRendezvous, RENDEZVOUS_FILE, type Rendezvous } from "./rendezvous.ts";
export type { RoundSpec } from "./round-spec.ts";
export { Run } from "./run.ts";
export { RunDirectory } from "./run-directory.ts";
export type { RunOptions } from "./run-options.ts";
export { encodeSafetensors, type NamedTensor } from "./safetensors.ts";
export { type Coordinator, type CoordinatorOptions, startCoordinator } from "./start-coordinator.ts";
export { type RunCheck, type VerifiedRun, verifyRun } from "./verify-run.ts";
export type { Wait } from "./waits.ts";
