export type { BlockJob, BlockResult, EpisodeArrays, EpisodeRequest } from "./block-job.ts";
export type { BlockProgram } from "./block-program.ts";
export { DRAIN_MS } from "./limits.ts";
export { type ComputeDevice, Program, type ProgramOptions } from "./program.ts";
export { type RunWorkerOptions, runWorker, type WorkerOutcome } from "./run-worker.ts";
export { isRaised, revoked, type StopFlag, throwIfRaised } from "./stop-flag.ts";
export type { WorkerEvent } from "./worker-event.ts";
