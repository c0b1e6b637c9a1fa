import { assign } from "./assign.ts";
import { chooseLevel } from "./block-level.ts";
import { isReady, readyMembers } from "./members.ts";
import { blockCountOf, leafCountOf } from "./round-spec.ts";
import type { Block, Command, RoundState, Step } from "./round-state.ts";

/**
 * What follows after every event: leases go out if there are workers for them; else the wait for workers
 * begins, goes on, or ends the run.
 *
 * @param before the state before the event; a wait is announced again when the list of workers changed
 */
export function moveOn(before: RoundState, state: RoundState, nowMs: number): Step {
  if (state.round === null || state.over !== null || state.paused !== null) return { state, commands: [] };
  const workersMin = state.gathered ? 1 : state.settings.workersMin;
  if (readyMembers(state).length < workersMin) return wait(before, state, workersMin, nowMs);

  const commands: Command[] = [];
  let next: RoundState = { ...state, gathered: true, awaiting: null };
  if (state.awaiting !== null) {
    commands.push({
      type: "notify",
      event: {
        type: "waiting-over",
        workersReady: readyMembers(state).length,
        waitedMs: nowMs - state.awaiting.sinceMs,
      },
    });
  }
  if (state.round.blocks.length === 0) {
    const laidOut = layOut(next);
    next = laidOut.state;
    commands.push(...laidOut.commands);
  }
  const assigned = assign(next, nowMs);
  return { state: assigned.state, commands: [...commands, ...assigned.commands] };
}

function wait(before: RoundState, state: RoundState, workersMin: number, nowMs: number): Step {
  const { workerWaitMs } = state.settings;
  const awaiting = state.awaiting ?? { sinceMs: nowMs, untilMs: nowMs + workerWaitMs };
  const next = { ...state, awaiting };
  const ready = readyMembers(state).map(({ name }) => name);
  const preparing = state.members.filter((member) => !isReady(member)).map(({ name }) => name);
  if (nowMs >= awaiting.untilMs) {
    const message =
      `workers: expected ${workersMin} ready within ${workerWaitMs} ms, got ${ready.length}` +
      `${preparing.length > 0 ? ` (still preparing: ${preparing.join(", ")})` : ""}; ` +
      "start workers with: npx shoal worker --url URL, or lower the number of workers to wait for";
    return { state: next, commands: [{ type: "fail", code: "E_WORKERS", message }] };
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

/** Cuts the round into blocks, now that it is known who computes them. */
function layOut(state: RoundState): Step {
  const round = state.round!;
  const level = chooseLevel(state, round.spec);
  const blockCount = blockCountOf(round.spec, level);
  const blocks = Array.from(
    { length: blockCount },
    (_, index): Block => ({ index, done: false, lease: null, failures: [] }),
  );
  const event = {
    type: "round-started",
    spec: round.spec,
    blockCount,
    leavesPerBlock: Math.min(2 ** level, leafCountOf(round.spec)),
    workersReady: readyMembers(state).length,
  } as const;
  return {
    state: { ...state, round: { ...round, level, blocks } },
    commands: [{ type: "notify", event }],
  };
}
