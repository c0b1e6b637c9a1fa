import { assign } from "./assign.ts";
import { availableMembers, isReady } from "./members.ts";
import type { Command, RoundState, Step } from "./round-state.ts";

/**
 * What follows after every event: leases go out if there are workers for them; else the wait for workers
 * begins, goes on, or ends the run.
 *
 * @param before the state before the event; a wait is announced again when the list of workers changed
 */
export function moveOn(before: RoundState, state: RoundState, nowMs: number): Step {
  if (state.rounds.length === 0 || state.over !== null || state.paused !== null)
    return { state, commands: [] };
  const workersMin = state.gathered ? 1 : state.settings.workersMin;
  if (availableMembers(state).length < workersMin) return wait(before, state, workersMin, nowMs);

  const commands: Command[] = [];
  const next: RoundState = { ...state, gathered: true, awaiting: null };
  if (state.awaiting !== null) {
    commands.push({
      type: "notify",
      event: {
        type: "waiting-over",
        workersReady: availableMembers(state).length,
        waitedMs: nowMs - state.awaiting.sinceMs,
      },
    });
  }
  const assigned = assign(next, nowMs);
  return { state: assigned.state, commands: [...commands, ...assigned.commands] };
}

function wait(before: RoundState, state: RoundState, workersMin: number, nowMs: number): Step {
  const { workerWaitMs } = state.settings;
  const awaiting = state.awaiting ?? { sinceMs: nowMs, untilMs: nowMs + workerWaitMs };
  const next = { ...state, awaiting };
  const ready = availableMembers(state).map(({ name }) => name);
  const preparing = state.members.filter((member) => !isReady(member)).map(({ name }) => name);
  if (nowMs >= awaiting.untilMs) {
    const message =
      `workers: expected ${workersMin} ready within ${workerWaitMs} ms, got ${ready.length}` +
      `${preparing.length > 0 ? ` (still preparing: ${preparing.join(", ")})` : ""}; ` +
      "start workers with: npx shoal worker --url URL, or lower the number of workers to wait for";
    return { state: next, commands: [{ type: "fail", round: null, code: "E_WORKERS", message }] };
  }
  if (state.awaiting !== null && !listChanged(before, state)) return { state: next, commands: [] };
  const remainingMs = awaiting.untilMs - nowMs;
  const event = { type: "waiting", workersMin, ready, preparing, remainingMs } as const;
  return { state: next, commands: [{ type: "notify", event }] };
}

function listChanged(before: RoundState, after: RoundState): boolean {
  const list = (state: RoundState) =>
    state.members.map(({ workerId, status }) => `${workerId} ${status.type}`).join();
  return list(before) !== list(after);
}
