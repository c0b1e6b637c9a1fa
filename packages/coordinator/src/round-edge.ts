import type { ParamLayout } from "@shoal/core/outer";
import {
  type Clock,
  type CoordinatorConnection,
  coordinatorVocabulary,
  encode,
  unpackGradient,
  type WorkerMessage,
} from "@shoal/protocol";
import { awayEvent } from "./away.ts";
import { findNonFinite } from "./check-result.ts";
import type { CoordinatorEvent } from "./coordinator-event.ts";
import { sayGoodbye } from "./goodbye.ts";
import { findMember } from "./members.ts";
import { initialRoundState, step } from "./round.ts";
import { blockTasks, type RoundSpec } from "./round-spec.ts";
import type { Command, RoundEvent, RoundState, Settings } from "./round-state.ts";
import { RoundWork } from "./round-work.ts";

type Queued = { readonly event: RoundEvent; readonly body: Float32Array | null };

export interface RoundEdgeOptions {
  readonly settings: Settings;
  readonly start: { readonly version: number; readonly dataHash: string | null };
  readonly clock: Clock;
  readonly layout: ParamLayout;
  readonly statNames: { readonly train: readonly string[]; readonly evaluate: readonly string[] };
  /** The parameters of the rounds under way, float32 [layout.size]. An array that was returned is not changed. */
  readonly params: () => Float32Array;
  /** All blocks of a round are in. */
  readonly onComplete: (spec: RoundSpec, work: RoundWork) => void;
  readonly onFail: (failure: Extract<Command, { type: "fail" }>) => void;
  readonly onEvent: (event: CoordinatorEvent) => void;
  /** Told of every command of the state machine, before it is carried out. */
  readonly onCommand?: (command: Command) => void;
}

/**
 * The edge of rounds: connections and floats on one side, the pure state machine (`round.ts`) on the other.
 * It translates messages into events and carries commands out; it decides nothing. Whoever owns it says which
 * rounds there are: a run by its plan, a relay by what it is leased.
 */
export class RoundEdge {
  readonly #options: RoundEdgeOptions;
  readonly #clock: Clock;
  readonly #connections = new Map<string, CoordinatorConnection>();
  /** The floats of the rounds under way, by number. */
  readonly #works = new Map<number, RoundWork>();
  readonly #queue: Queued[] = [];
  #state: RoundState;
  /** Frames of the parameters that were sent last: encoded once, the same for every worker. */
  #encoded: {
    readonly version: number;
    readonly params: Float32Array;
    readonly frames: readonly Buffer[];
  } | null = null;
  #dispatching = false;
  #aliveMs: number;
  #workerCount = 0;
  #busyMs = 0;
  #sentBytes = 0;
  #over = false;

  constructor(options: RoundEdgeOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#aliveMs = this.#clock.nowMs();
    this.#state = initialRoundState(options.settings, options.start, this.#aliveMs);
  }

  /** What the rounds know at the moment. */
  get state(): RoundState {
    return this.#state;
  }

  /** Rounds under way. */
  get roundCount(): number {
    return this.#works.size;
  }

  /** What this process spent since `restartTraffic`: ms that it was busy, and bytes of parameters that it sent. */
  get traffic(): { readonly busyMs: number; readonly sentBytes: number } {
    return { busyMs: this.#busyMs, sentBytes: this.#sentBytes };
  }

  restartTraffic(): void {
    this.#busyMs = 0;
    this.#sentBytes = 0;
  }

  /** Begins a round; its parameters are those that `params` gives from now on. */
  start(spec: RoundSpec): void {
    const { statNames, layout } = this.#options;
    this.#works.set(spec.number, new RoundWork(spec, statNames[spec.kind], layout.size, this.#clock.nowMs()));
    this.dispatch({ type: "start", spec });
  }

  /** Takes a round back: nobody wants it any more. */
  cancel(number: number): void {
    this.dispatch({ type: "cancel", round: number });
  }

  /** Looks at every deadline. */
  tick(): void {
    for (const [workerId, { receivedAtMs }] of this.#connections) {
      this.dispatch({ type: "heard", workerId, atMs: receivedAtMs });
    }
    this.dispatch({ type: "tick" });
  }

  /** From now on no result counts any more: the outcome is settled. */
  settle(): void {
    this.#over = true;
  }

  /** Tells every worker how it ended, and waits until they have heard it. */
  async finish(outcome: "complete" | "stopped" | "failed", message: string): Promise<void> {
    this.settle();
    this.dispatch({ type: "finish", outcome, message });
    await sayGoodbye(this.#connections, this.#clock);
  }

  /** Closes every connection; the workers look for a coordinator again. */
  close(code: number, reason: string): void {
    this.settle();
    for (const connection of this.#connections.values()) connection.close(code, reason);
  }

  /** Lets a worker in; it speaks first. */
  attach(connection: CoordinatorConnection): void {
    const workerId = `w${++this.#workerCount}`;
    this.#connections.set(workerId, connection);
    connection.onMessage((message, body) => this.#take(workerId, message, body));
    connection.onClose(({ code, reason }) => {
      this.#connections.delete(workerId);
      const why = reason === "" ? `connection closed (${code})` : `${reason} (${code})`;
      if (findMember(this.#state, workerId) === undefined) {
        if (!this.#over && code !== 1000) {
          this.#options.onEvent({ type: "connection-lost", peer: connection.peer, reason: why });
        }
        return;
      }
      this.dispatch({ type: "left", workerId, reason: why });
    });
  }

  #take(workerId: string, message: WorkerMessage, body: Float32Array | null): void {
    if (this.#over && message.type !== "hello") return;
    switch (message.type) {
      case "hello":
        this.dispatch({ type: "hello", workerId, message });
        return;
      case "ready":
        this.dispatch({ type: "ready", workerId, message });
        return;
      case "failed":
        this.dispatch({ type: "failed", workerId, message });
        return;
      case "heartbeat":
        this.dispatch({ ...message, workerId });
        return;
      case "draining": {
        const { reason, leases } = message;
        this.dispatch({ type: "draining", workerId, reason, leases });
        return;
      }
      case "leaving":
        this.dispatch({ type: "left", workerId, reason: message.reason });
        return;
      case "result": {
        const started = this.#clock.nowMs();
        const floats = floatsOf(message, body);
        const invalid = this.#findInvalid(message, floats);
        this.#busyMs += this.#clock.nowMs() - started;
        this.dispatch({ type: "result", workerId, message, bodyFloats: floats.length, invalid }, floats);
        return;
      }
    }
  }

  /** What is not finite in a result of a round under way; the state machine checks the rest. */
  #findInvalid(message: Extract<WorkerMessage, { type: "result" }>, body: Float32Array): string | null {
    const spec = this.#works.get(message.round)?.spec;
    if (spec === undefined) return null;
    return findNonFinite({
      body,
      statNames: this.#options.statNames[spec.kind],
      taskCount: message.taskCount,
      firstEpisode: spec.firstEpisode + blockTasks(spec, message.level, message.index).first,
      layout: this.#options.layout,
    });
  }

  /** Feeds an event, and those that its commands cause, to the state machine, one after the other. */
  dispatch(event: RoundEvent, body: Float32Array | null = null): void {
    this.#queue.push({ event, body });
    if (this.#dispatching) return;
    this.#dispatching = true;
    const started = this.#clock.nowMs();
    const away = awayEvent(this.#aliveMs, started);
    if (away !== null) this.#queue.unshift({ event: away, body: null });
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, commands } = step(this.#state, next.event, this.#clock.nowMs());
        this.#state = state;
        for (const command of commands) {
          this.#options.onCommand?.(command);
          this.#carryOut(command, next);
        }
        if (next.event.type === "cancel") this.#works.delete(next.event.round);
      }
    } finally {
      this.#dispatching = false;
      this.#aliveMs = this.#clock.nowMs();
      this.#busyMs += this.#aliveMs - started;
    }
  }

  #carryOut(command: Command, { event, body }: Queued): void {
    switch (command.type) {
      case "send":
        this.#connections.get(command.workerId)?.send(command.message);
        return;
      case "sendParams":
        this.#sendParams(command.workerId, command.version);
        return;
      case "close":
        this.#connections.get(command.workerId)?.close(command.code, command.reason);
        return;
      case "accept": {
        const work = this.#works.get(command.round)!;
        if (command.keep) work.keep(command, body!);
        const { leaseId, computeMs } = event.type === "result" ? event.message : { leaseId: 0, computeMs: 0 };
        work.count({ ...command, leaseId, computeMs }, body!);
        work.add(command, body!, event.type === "result" ? event.message.packedFloats : undefined);
        return;
      }
      case "compare": {
        const event = this.#works.get(command.round)?.mismatchOf(command, body!) ?? null;
        if (event !== null) this.#options.onEvent(event);
        return;
      }
      case "complete": {
        const work = this.#works.get(command.spec.number)!;
        this.#works.delete(command.spec.number);
        this.#options.onComplete(command.spec, work);
        return;
      }
      case "notify":
        if (command.event.type === "round-started")
          this.#works.get(command.event.spec.number)!.begin(this.#clock.nowMs());
        this.#options.onEvent(command.event);
        return;
      case "fail":
        this.#options.onFail(command);
        return;
    }
  }

  #sendParams(workerId: string, version: number): void {
    const params = this.#options.params();
    if (this.#encoded?.params !== params || this.#encoded.version !== version) {
      const frames = encode(coordinatorVocabulary, { type: "params", version }, params);
      this.#encoded = { version, params, frames };
    }
    this.#connections.get(workerId)?.sendFrames(this.#encoded.frames);
    this.#sentBytes += params.byteLength;
  }
}

/** The floats of a result as they were computed; none, which is no result's number, if they make no sense. */
function floatsOf(
  message: Extract<WorkerMessage, { type: "result" }>,
  body: Float32Array | null,
): Float32Array {
  const none = new Float32Array(0);
  const { taskCount, statCount, packedFloats } = message;
  if (packedFloats === undefined) return body ?? none;
  return unpackGradient(body ?? none, taskCount * statCount, packedFloats) ?? none;
}
