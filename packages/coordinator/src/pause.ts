import type { RoundState, Step } from "./round-state.ts";

/**
 * Holds the run: no lease goes out, what is leased is finished and counted, heartbeats go on.
 *
 * The wait for workers ends with it, and begins anew, with its full time, when the run is resumed. A run that
 * is held already stays its first owner's.
 */
export function pause(state: RoundState, reason: string, owner: string, nowMs: number): Step {
  if (state.paused !== null) return { state, commands: [] };
  return {
    state: { ...state, paused: { reason, owner, sinceMs: nowMs }, awaiting: null },
    commands: [{ type: "notify", event: { type: "paused", reason, owner } }],
  };
}

/** Lets the run go on. */
export function resume(state: RoundState, nowMs: number): Step {
  if (state.paused === null) return { state, commands: [] };
  const pausedMs = nowMs - state.paused.sinceMs;
  return {
    state: { ...state, paused: null },
    commands: [{ type: "notify", event: { type: "resumed", pausedMs } }],
  };
}
