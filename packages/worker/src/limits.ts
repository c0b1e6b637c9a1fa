/** Every number that bounds a wait of the worker. */

/** From the signal to the end of a worker that was told to leave, in ms: what Kubernetes and Slurm leave it, halved. */
export const DRAIN_MS = 15_000;

/** Blocks that a leaving worker still finishes end within this time, in ms: half, so that they can be handed in. */
export const DRAIN_FINISH_MS = DRAIN_MS / 2;

/** Longest wait for the native calls of compute threads that are to end, in ms: each is in one leaf. */
export const NATIVE_CALL_MS_MAX = 10_000;

/** How long the compute threads of a device wait for each other to load what they compute with, in ms. */
export const START_MS_MAX = 60_000;
