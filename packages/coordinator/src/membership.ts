import { CLOSE_CODES, negotiateVersion, PROTOCOL_VERSION_MAX, PROTOCOL_VERSION_MIN } from "@shoal/protocol";
import { dismissAgain } from "./dismiss.ts";
import { SLOTS_MAX } from "./limits.ts";
import { findMember, readyMembers, replaceMember } from "./members.ts";
import type { Command, Hello, Member, ReadyMessage, RoundState, Step } from "./round-state.ts";
import { liveLeases, withoutLeases } from "./rounds.ts";

/** A worker has said hello: it is welcome when both sides speak one version. */
export function join(state: RoundState, workerId: string, hello: Hello, nowMs: number): Step {
  const { settings } = state;
  const name = `${hello.name} (${hello.host}:${hello.pid})`;
  const identity = { host: hello.host, pid: hello.pid, version: hello.version };
  if (state.over !== null) return { state, commands: goodbye(workerId, state.over) };
  if (findMember(state, workerId) !== undefined) {
    return drop(state, workerId, CLOSE_CODES.protocolError, "hello was said twice");
  }
  const protocol = negotiateVersion(
    { min: PROTOCOL_VERSION_MIN, max: PROTOCOL_VERSION_MAX },
    { min: hello.protocolMin, max: hello.protocolMax },
  );
  if (protocol === null) {
    return refuse(
      state,
      { workerId, name },
      "E_PROTOCOL",
      `protocol: the coordinator speaks versions ${PROTOCOL_VERSION_MIN}-${PROTOCOL_VERSION_MAX}, this worker ` +
        `${hello.protocolMin}-${hello.protocolMax}; install one version of Shoal on both`,
    );
  }
  const member: Member = {
    workerId,
    name,
    givenName: hello.name,
    identity: `${hello.name}@${hello.host}`,
    status: { type: "preparing", untilMs: nowMs + settings.prepareMs },
    heardMs: nowMs,
    version: null,
    leafMs: { train: null, evaluate: null },
    lagMs: 0,
    late: [],
    failuresInRow: 0,
    dismissal: null,
    wait: null,
  };
  const again = dismissAgain({ ...state, members: [...state.members, member] }, member, nowMs);
  return {
    state: again.state,
    commands: [
      {
        type: "send",
        workerId,
        message: {
          type: "welcome",
          protocol,
          runId: settings.runId,
          workerId,
          incarnation: settings.incarnation,
          heartbeatMs: settings.heartbeatMs,
          silenceMs: settings.silenceMs,
          experiment: settings.experiment,
          dataHash: state.dataHash,
          sizes: {
            params: settings.paramCount,
            trainStats: settings.statCounts.train,
            evaluateStats: settings.statCounts.evaluate,
          },
        },
      },
      { type: "notify", event: { type: "worker-joined", workerId, worker: name, ...identity } },
      ...again.commands,
    ],
  };
}

/** A worker has loaded its data and compiled its graphs; it must be the same data and the same model. */
export function becomeReady(state: RoundState, workerId: string, message: ReadyMessage): Step {
  const member = findMember(state, workerId);
  if (member === undefined) return { state, commands: [] };
  if (member.status.type === "ready") {
    return drop(state, workerId, CLOSE_CODES.protocolError, "ready was said twice");
  }
  const { paramCount } = state.settings;
  if (state.dataHash !== null && message.dataHash !== state.dataHash) {
    return refuse(
      state,
      member,
      "E_DATA_HASH",
      `data: this run is bound to data ${state.dataHash}, this worker has ${message.dataHash}; ` +
        "give it the same files and options (shoal data verify)",
    );
  }
  if (message.paramCount !== paramCount) {
    return refuse(
      state,
      member,
      "E_PARAM_COUNT",
      `model: this run has ${paramCount} parameters, this worker's has ${message.paramCount}; ` +
        "install one version of Shoal on both",
    );
  }
  const slots = Math.min(message.slots, SLOTS_MAX);
  const ready: Member = {
    ...member,
    status: {
      type: "ready",
      slots,
      dividesBlocks: message.dividesBlocks ?? false,
      device: message.device,
      isDraining: member.dismissal !== null,
    },
  };
  const next = { ...replaceMember(state, ready), dataHash: message.dataHash };
  return {
    state: next,
    commands: [
      {
        type: "notify",
        event: {
          type: "worker-ready",
          workerId,
          worker: member.name,
          device: message.device,
          slots,
          workersReady: readyMembers(next).length,
        },
      },
    ],
  };
}

/** A relay has more or fewer slots than it said, its workers having come or gone. */
export function changeSlots(state: RoundState, workerId: string, claimed: number): Step {
  const member = findMember(state, workerId);
  const slots = Math.min(claimed, SLOTS_MAX);
  if (member?.status.type !== "ready" || member.status.slots === slots) return { state, commands: [] };
  const { name, status } = member;
  return {
    state: replaceMember(state, { ...member, status: { ...status, slots } }),
    commands: [
      {
        type: "notify",
        event: { type: "worker-slots", workerId, worker: name, slots, before: status.slots },
      },
    ],
  };
}

/** A worker is gone, for whatever reason; its blocks wait for others from now on. */
export function leave(state: RoundState, workerId: string, reason: string): Step {
  const member = findMember(state, workerId);
  if (member === undefined) return { state, commands: [] };
  const returned = liveLeases(state, workerId);
  const members = state.members.filter((other) => other.workerId !== workerId);
  const next = withoutLeases({ ...state, members }, (lease) => lease.workerId === workerId);
  const event = {
    type: "worker-left",
    workerId,
    worker: member.name,
    reason,
    blocksReturned: returned.length,
    workersReady: readyMembers(next).length,
  } as const;
  return { state: next, commands: [{ type: "notify", event }] };
}

/** Ends a worker's membership from this side; it may connect again. */
export function drop(state: RoundState, workerId: string, code: number, reason: string): Step {
  const left = leave(state, workerId, reason);
  return { state: left.state, commands: [{ type: "close", workerId, code, reason }, ...left.commands] };
}

/** Ends a worker's membership for a reason that trying again does not change. */
export function refuse(
  state: RoundState,
  worker: { readonly workerId: string; readonly name: string },
  code: string,
  explanation: string,
): Step {
  const { workerId, name } = worker;
  const message = shorten(explanation);
  const left = leave(state, workerId, `refused: ${code}`);
  return {
    state: left.state,
    commands: [
      { type: "send", workerId, message: { type: "refuse", code, message } },
      { type: "close", workerId, code: CLOSE_CODES.policy, reason: `refused: ${code}` },
      ...left.commands,
      { type: "notify", event: { type: "worker-refused", workerId, worker: name, code, message } },
    ],
  };
}

/** Tells a worker that the run is over. */
export function goodbye(workerId: string, over: NonNullable<RoundState["over"]>): readonly Command[] {
  return [
    { type: "send", workerId, message: { type: "done", ...over, message: shorten(over.message) } },
    { type: "close", workerId, code: CLOSE_CODES.normal, reason: `run ${over.outcome}` },
  ];
}

/** Texts on the wire are at most 4,096 characters long, and an explanation may quote one. */
function shorten(text: string): string {
  return text.length <= 4_000 ? text : `${text.slice(0, 4_000)}...`;
}
