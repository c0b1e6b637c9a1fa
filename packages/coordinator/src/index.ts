export {
  type Checkpoint,
  loadCheckpoint,
  type RejectedCheckpoint,
  type SavedCheckpoint,
  saveCheckpoint,
} from "./checkpoint.ts";
export type { CoordinatorEvent, Evaluation, Outcome } from "./coordinator-event.ts";
export type { Disk, DiskEntry, DiskFile, OpenMode } from "./disk.ts";
export {
  answerText,
  type Endpoint,
  type EndpointHandler,
  type EndpointHandlers,
  serveEndpoints,
} from "./endpoints.ts";
export { levelOf } from "./event-level.ts";
export type { Finding, Recovered } from "./journal/recover-run.ts";
export { LOOKING_MS, TICK_MS } from "./limits.ts";
export { createServer, type ListenOptions, listenOn } from "./listen.ts";
export { type LastStep, type LastStepOptions, loadLastStep } from "./load-last-step.ts";
export { availableMembers, readyMembers } from "./members.ts";
export { type Status, statusSchema } from "./observe/status.ts";
export type { EvaluatePlan, Plan, TrainPlan } from "./plan.ts";
export { parseRendezvous, RENDEZVOUS_FILE, type Rendezvous } from "./rendezvous.ts";
export { RoundEdge, type RoundEdgeOptions } from "./round-edge.ts";
export type { RoundSpec } from "./round-spec.ts";
export type { RoundWork } from "./round-work.ts";
export { Run } from "./run.ts";
export { RunDirectory } from "./run-directory.ts";
export type { RunOptions } from "./run-options.ts";
export { encodeSafetensors, type NamedTensor } from "./safetensors.ts";
export { settingsOf } from "./settings-of.ts";
export { type Coordinator, type CoordinatorOptions, startCoordinator } from "./start-coordinator.ts";
export { type RunCheck, type VerifiedRun, verifyRun } from "./verify-run.ts";
export type { Wait } from "./waits.ts";
