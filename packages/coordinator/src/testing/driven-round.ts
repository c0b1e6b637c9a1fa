import type { CoordinatorMessage, Lease } from "@shoal/protocol";
import type { CoordinatorEvent } from "../coordinator-event.ts";
import { leaseMessage } from "../grant.ts";
import { initialRoundState, step } from "../round.ts";
import { blockTasks, type RoundSpec } from "../round-spec.ts";
import type { Command, ResultMessage, RoundEvent, RoundState, Settings } from "../round-state.ts";

import { liveLeases } from "../rounds.ts";

/** Three parameters, one statistic of a training task, two of an evaluated one; times that are easy to tell apart. */
export const smallSettings: Settings = {
  runId: "run-1",
  incarnation: 1,
  experiment: { name: "small" },
  paramCount: 3,
  statCounts: { train: 1, evaluate: 2 },
  workersMin: 1,
  workerWaitMs: 60_000,
  prepareMs: 30_000,
  heartbeatMs: 1_000,
  silenceMs: 4_000,
  leaseMsMin: 2_000,
  leaseMsUnmeasured: 10_000,
  leavesUnmeasured: 1,
  hedge: true,
  audit: 0,
  inOrder: true,
};

/** Step 0 of a run: 8 tasks in 4 leaves, so 4 blocks for one or two workers of one slot. */
export const trainSpec: RoundSpec = {
  number: 2,
  purpose: "train",
  kind: "train",
  split: "train",
  version: 0,
  firstEpisode: 40,
  taskCount: 8,
  tasksPerLeaf: 2,
};

/** The same tasks, evaluated. */
export const evaluateSpec: RoundSpec = {
  ...trainSpec,
  purpose: "validation",
  kind: "evaluate",
  split: "validation",
  firstEpisode: 0,
};

export const dataHash = "d".repeat(64);

/** The round's state machine with a clock that a test moves. */
export class DrivenRound {
  state: RoundState;
  nowMs = 0;

  constructor(
    settings: Partial<Settings> = {},
    start: { readonly dataHash: string | null } = { dataHash: null },
  ) {
    this.state = initialRoundState({ ...smallSettings, ...settings }, { version: 0, ...start }, this.nowMs);
  }

  /** Feeds one event to the machine and returns its commands. */
  on(event: RoundEvent): readonly Command[] {
    const next = step(this.state, event, this.nowMs);
    this.state = next.state;
    return next.commands;
  }

  /** Moves the clock, while the workers in `alive` are heard, and looks at the deadlines. */
  pass(ms: number, alive: readonly string[] = []): readonly Command[] {
    this.nowMs += ms;
    for (const workerId of alive) this.on({ type: "heard", workerId, atMs: this.nowMs });
    return this.on({ type: "tick" });
  }

  hello(workerId: string, protocol = { min: 1, max: 1 }, name = workerId): readonly Command[] {
    const version = "0.1.0";
    return this.on({
      type: "hello",
      workerId,
      message: {
        type: "hello",
        protocolMin: protocol.min,
        protocolMax: protocol.max,
        name,
        version,
        host: "host",
        pid: 7,
      },
    });
  }

  ready(
    workerId: string,
    ready: { dataHash?: string; slots?: number; paramCount?: number; dividesBlocks?: boolean } = {},
  ): readonly Command[] {
    const message = { type: "ready", device: "cpu", dataHash, slots: 1, paramCount: 3, ...ready } as const;
    return this.on({ type: "ready", workerId, message });
  }

  /** Hello and ready. Returns what `ready` caused. */
  join(workerId: string, slots = 1): readonly Command[] {
    this.hello(workerId);
    return this.ready(workerId, { slots });
  }

  start(spec: RoundSpec): readonly Command[] {
    return this.on({ type: "start", spec });
  }

  /** Hands in the result of a lease; `changed` says what is not as it should be. */
  result(
    workerId: string,
    lease: Lease,
    changed: Partial<ResultMessage> & { bodyFloats?: number; invalid?: string } = {},
  ): readonly Command[] {
    const { bodyFloats, invalid = null, ...fields } = changed;
    const spec = { ...trainSpec, taskCount: lease.taskCount, tasksPerLeaf: lease.tasksPerLeaf };
    const { count } = blockTasks(spec, lease.level, lease.index);
    const statCount = smallSettings.statCounts[lease.kind];
    const { leaseId, round, version, level, index } = lease;
    return this.on({
      type: "result",
      workerId,
      message: {
        type: "result",
        leaseId,
        round,
        version,
        level,
        index,
        taskCount: count,
        statCount,
        computeMs: 100,
        ...fields,
      },
      bodyFloats: bodyFloats ?? count * statCount + (lease.kind === "train" ? smallSettings.paramCount : 0),
      invalid,
    });
  }

  /** Lets the worker with the oldest lease answer, until all rounds are over. Returns what that caused. */
  finish(): readonly Command[] {
    const commands: Command[] = [];
    for (let held = liveLeases(this.state)[0]; held !== undefined; held = liveLeases(this.state)[0]) {
      const { round, block, lease } = held;
      const message = leaseMessage(round, block, lease.leaseId, lease.deadlineMs - lease.issuedMs);
      commands.push(...this.result(lease.workerId, message));
    }
    return commands;
  }

  failed(workerId: string, lease: Lease): readonly Command[] {
    const message = {
      type: "failed",
      leaseId: lease.leaseId,
      code: "E_BROKEN",
      message: "no memory",
    } as const;
    return this.on({ type: "failed", workerId, message });
  }
}

/** Messages of one type to one worker, or to anyone, in order. */
export function sent<T extends CoordinatorMessage["type"]>(
  commands: readonly Command[],
  type: T,
  workerId?: string,
): Extract<CoordinatorMessage, { type: T }>[] {
  return commands.flatMap((command) =>
    command.type === "send" &&
    command.message.type === type &&
    (workerId === undefined || command.workerId === workerId)
      ? [command.message as Extract<CoordinatorMessage, { type: T }>]
      : [],
  );
}

/** Leases granted, with their holders. */
export function leases(commands: readonly Command[], workerId?: string): Lease[] {
  return sent(commands, "lease", workerId);
}

/** Commands of one type, in order. */
export function commandsOf<T extends Command["type"]>(
  commands: readonly Command[],
  type: T,
): Extract<Command, { type: T }>[] {
  return commands.filter((command) => command.type === type) as Extract<Command, { type: T }>[];
}

/** Events of one type told to the owner, in order. */
export function told<T extends CoordinatorEvent["type"]>(
  commands: readonly Command[],
  type: T,
): Extract<CoordinatorEvent, { type: T }>[] {
  return commandsOf(commands, "notify").flatMap(({ event }) =>
    event.type === type ? [event as Extract<CoordinatorEvent, { type: T }>] : [],
  );
}
