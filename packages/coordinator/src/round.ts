import assert from "node:assert";
import { returnFrom } from "./away.ts";
import { rootBlock } from "./blocks.ts";
import { cancel } from "./cancel.ts";
import { forgive, passTime } from "./deadlines.ts";
import { dismiss } from "./dismiss.ts";
import { drain } from "./drain.ts";
import { moveOn } from "./gather.ts";
import { LEASES_PER_INCARNATION } from "./limits.ts";
import { findMember, replaceMember } from "./members.ts";
import { becomeReady, changeSlots, goodbye, join, leave } from "./membership.ts";
import { pause, resume } from "./pause.ts";
import { takeFailure, takeResult } from "./results.ts";
import type { Command, RoundEvent, RoundState, Settings, Step } from "./round-state.ts";
import { beginNext, conclude } from "./rounds.ts";

/**
 * The round as a pure state machine: who computes what, what counts, when a step is complete.
 *
 * No sockets, timers, disks or floats in here: the edge (`run.ts`) translates between them and these
 * events and commands, so a simulation drives the very code that a real run uses.
 */
export function step(state: RoundState, event: RoundEvent, nowMs: number): Step {
  if (state.over !== null && event.type !== "hello") return { state, commands: [] };
  const heard = hear(state, event, nowMs);
  const handled = handle(heard, event, nowMs);
  if (handled.commands.some(({ type }) => type === "fail")) return handled;
  // Bytes that came in change nothing but when they did.
  if (event.type === "heard") return handled;
  const done = conclude(handled.state);
  const moved = moveOn(state, done.state, nowMs);
  // An audit that nobody can do ends there.
  const concluded = conclude(moved.state);
  return {
    state: concluded.state,
    commands: [...handled.commands, ...done.commands, ...moved.commands, ...concluded.commands],
  };
}

/** The state before any worker and any round. */
export function initialRoundState(
  settings: Settings,
  start: { readonly version: number; readonly dataHash: string | null },
  nowMs: number,
): RoundState {
  return {
    settings,
    members: [],
    rounds: [],
    version: start.version,
    dataHash: start.dataHash,
    nextLeaseId: settings.incarnation * LEASES_PER_INCARNATION,
    nextHeartbeatMs: nowMs + settings.heartbeatMs,
    gathered: false,
    awaiting: null,
    paused: null,
    dismissed: [],
    over: null,
  };
}

function handle(state: RoundState, event: RoundEvent, nowMs: number): Step {
  switch (event.type) {
    case "start": {
      const { spec } = event;
      assert(
        state.rounds.every((other) => other.spec.version === spec.version),
        "rounds of another version are complete before a round starts",
      );
      const round = { spec, blocks: [rootBlock(spec)], hasBegun: false, hedgedLeaves: 0 };
      return { state: { ...state, rounds: [...state.rounds, round], version: spec.version }, commands: [] };
    }
    case "cancel":
      return cancel(state, event.round);
    case "hello":
      return join(state, event.workerId, event.message, nowMs);
    case "ready":
      return becomeReady(state, event.workerId, event.message);
    case "result":
      return takeResult(state, event, nowMs);
    case "failed":
      return takeFailure(state, event.workerId, event.message, nowMs);
    case "draining":
      return drain(state, event.workerId, event.reason, event.leases);
    case "dismiss":
      return dismiss(state, event.workerId, event.reason, nowMs);
    case "left":
      return leave(state, event.workerId, event.reason);
    case "pause":
      return pause(state, event.reason, event.owner, nowMs);
    case "resume":
      return resume(state, nowMs);
    case "away":
      return returnFrom(state, event.ms);
    case "tick":
      return passTime(state, nowMs);
    case "finish":
      return finish(state, { outcome: event.outcome, message: event.message });
    case "heartbeat":
      return beat(state, event, nowMs);
    case "heard":
      return { state, commands: [] };
  }
}

/** A worker says what it holds, what it waits for, and whether it has other slots. */
function beat(state: RoundState, event: Extract<RoundEvent, { type: "heartbeat" }>, nowMs: number): Step {
  const { workerId, leases, wait, slots } = event;
  const member = findMember(state, workerId);
  if (member === undefined) return { state, commands: [] };
  const told = wait === undefined ? null : { for: wait.for, sinceMs: nowMs - wait.ms };
  const forgiven = replaceMember(state, { ...forgive(member, leases), wait: told });
  const begun = beginNext(forgiven, workerId, nowMs);
  return slots === undefined ? { state: begun, commands: [] } : changeSlots(begun, workerId, slots);
}

/** Every message of a worker is a sign of life. */
function hear(state: RoundState, event: RoundEvent, nowMs: number): RoundState {
  // A dismissal comes from somebody else.
  if (!("workerId" in event) || event.type === "dismiss") return state;
  const member = findMember(state, event.workerId);
  if (member === undefined) return state;
  const heardMs = Math.max(member.heardMs, event.type === "heard" ? event.atMs : nowMs);
  // Whoever says something else is beyond what it waited for.
  return replaceMember(state, { ...member, heardMs, wait: event.type === "heard" ? member.wait : null });
}

/** Tells every worker that the run is over; whoever comes later is told the same. */
function finish(state: RoundState, over: NonNullable<RoundState["over"]>): Step {
  const commands = state.members.flatMap(({ workerId }): readonly Command[] => goodbye(workerId, over));
  return { state: { ...state, over, members: [], rounds: [], awaiting: null }, commands };
}
