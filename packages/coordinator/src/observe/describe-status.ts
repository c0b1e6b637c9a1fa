import { isOpen } from "../blocks.ts";
import { levelOf } from "../event-level.ts";
import { isOwing, isReady } from "../members.ts";
import type { Plan } from "../plan.ts";
import type { Member, Round, RoundState } from "../round-state.ts";
import { liveLeases } from "../rounds.ts";
import type { Wait } from "../waits.ts";
import { describeWait } from "./describe-wait.ts";
import type { DiskUse } from "./disk-use.ts";
import type { RunRecord } from "./run-record.ts";
import { STATUS_FORMAT, type Status } from "./status.ts";
import type { TrafficCounts } from "./traffic.ts";

/** What a status is made of; `nowMs` and every other ms are of one monotonic clock. */
export interface StatusParts {
  readonly state: RoundState;
  readonly waits: readonly Wait[];
  readonly record: RunRecord;
  readonly plan: Plan;
  readonly experiment: unknown;
  readonly directory: string | null;
  readonly traffic: TrafficCounts;
  readonly disk: DiskUse | null;
  readonly startedMs: number;
  readonly nowMs: number;
  /** The time of day that is `nowMs`, in ms since 1970. */
  readonly wallMs: number;
}

/** Heartbeat intervals after which a worker is called silent: one, and time for the wire. */
const HEARTBEATS_MISSED = 1.5;

/** The answer of `GET /status`. */
export function describeStatus(parts: StatusParts): Status {
  const { state, record, nowMs } = parts;
  const { settings, members } = state;
  const at = (ms: number): string => new Date(parts.wallMs + ms - nowMs).toISOString();
  const leased = liveLeases(state);
  return {
    format: STATUS_FORMAT,
    at: at(nowMs),
    run: {
      id: settings.runId,
      incarnation: settings.incarnation,
      experiment: nameOf(parts.experiment),
      directory: parts.directory,
      startedAt: at(parts.startedMs),
      state: runState(state, record),
    },
    progress: describeProgress(parts),
    curve: record.curve.points,
    evaluations: record.evaluations.map(({ purpose, split, step, tasks, stats }) => ({
      purpose,
      split,
      step,
      tasks,
      stats: Object.fromEntries(
        Object.entries(stats).map(([name, { mean, ci95 }]) => [name, { mean, ci95 }]),
      ),
    })),
    workers: members.map((member) => {
      const mine = leased.filter(({ lease }) => lease.workerId === member.workerId);
      const untilMs = Math.min(...mine.map(({ lease }) => lease.deadlineMs));
      const wait = describeWorkerWait(member, Number.isFinite(untilMs) ? untilMs : null, parts);
      return { ...describeWorker(member, parts), wait, blocksLeased: mine.length };
    }),
    rounds: state.rounds.map(describeRound),
    waits: parts.waits.map((wait) => ({
      text: describeWait(wait, nowMs),
      waiter: wait.waiter,
      what: wait.what,
      reason: wait.reason,
      owner: wait.owner,
      since: at(wait.sinceMs),
      waitedMs: Math.max(0, nowMs - wait.sinceMs),
      expectedInMs: wait.expectedMs === null ? null : wait.expectedMs - nowMs,
      until: wait.untilMs === null ? null : at(wait.untilMs),
      remainingMs: wait.untilMs === null ? null : wait.untilMs - nowMs,
      ending: wait.ending,
    })),
    results: { ...record.results },
    traffic: parts.traffic,
    events: record.events.map(({ atMs, event }) => ({ at: at(atMs), level: levelOf(event), ...event })),
    disk: parts.disk,
  };
}

function describeProgress({ state, record, plan, nowMs }: StatusParts): Status["progress"] {
  const step = state.version;
  const steps = plan.type === "train" ? plan.steps : step;
  const stepsPerSecond = record.rate.perSecond(nowMs);
  const last = record.lastStep;
  return {
    step,
    steps,
    stepsPerSecond,
    tasksPerSecond: stepsPerSecond === null || last === null ? null : stepsPerSecond * last.tasks,
    remainingMs: stepsPerSecond === null ? null : (1000 * (steps - step)) / stepsPerSecond,
    loss: last?.stats.loss ?? null,
    accuracy: last?.stats.accuracy ?? null,
    coordinatorShare: last === null ? null : last.coordinatorMs / Math.max(1e-3, last.stepMs),
  };
}

function describeRound({ spec, blocks }: Round): Status["rounds"][number] {
  const done = blocks.filter(({ winner }) => winner !== null).length;
  const open = blocks.filter(isOpen).length;
  return {
    purpose: spec.purpose,
    split: spec.split,
    version: spec.version,
    tasks: spec.taskCount,
    blocks: { total: blocks.length, done, leased: blocks.length - done - open, open },
  };
}

/** @param leaseUntilMs deadline of its first lease; null: it holds none */
function describeWorkerWait(
  { wait, status }: Member,
  leaseUntilMs: number | null,
  { nowMs, wallMs }: StatusParts,
): Status["workers"][number]["wait"] {
  // A lease that went out since its last heartbeat is what it waited for.
  if (wait === null || (wait.for === "lease" && leaseUntilMs !== null)) return null;
  const untilMs = status.type === "preparing" ? status.untilMs : leaseUntilMs;
  const at = (ms: number): string => new Date(wallMs + ms - nowMs).toISOString();
  return {
    for: wait.for,
    since: at(wait.sinceMs),
    waitedMs: Math.max(0, nowMs - wait.sinceMs),
    until: untilMs === null ? null : at(untilMs),
    remainingMs: untilMs === null ? null : untilMs - nowMs,
  };
}

function describeWorker(
  member: Member,
  { record, plan, state, nowMs }: StatusParts,
): Omit<Status["workers"][number], "blocksLeased" | "wait"> {
  const { workerId, name, heardMs, leafMs } = member;
  const silentMs = Math.max(0, nowMs - heardMs);
  const known = record.workers.get(workerId);
  const ready = isReady(member) ? member.status : null;
  const isMeasured = ready !== null && leafMs.train !== null;
  return {
    id: workerId,
    name,
    host: known?.host ?? "",
    pid: known?.pid ?? 0,
    version: known?.version ?? "",
    device: ready?.device ?? null,
    slots: ready?.slots ?? null,
    tasksPerSecond: isMeasured
      ? (1000 * ready.slots * plan.tasksPerLeaf) / Math.max(1e-3, leafMs.train)
      : null,
    state: workerState(member, silentMs > HEARTBEATS_MISSED * state.settings.heartbeatMs),
    silentMs,
    blocksDone: known?.blocksDone ?? 0,
  };
}

function workerState(member: Member, isSilent: boolean): string {
  if (isSilent) return "silent";
  if (!isReady(member)) return "preparing";
  if (member.status.isDraining) return "draining";
  return isOwing(member) ? "late" : "ready";
}

function runState(state: RoundState, { isOver }: RunRecord): string {
  if (isOver || state.over !== null) return "over";
  if (state.paused !== null) return "paused";
  if (state.awaiting !== null) return "waiting for workers";
  const [round] = state.rounds;
  if (round === undefined) return "between rounds";
  return round.spec.kind === "train" ? "training" : "evaluating";
}

/** An experiment is opaque to the coordinator; most have a name. */
function nameOf(experiment: unknown): string {
  const isNamed = typeof experiment === "object" && experiment !== null && "name" in experiment;
  return isNamed && typeof experiment.name === "string" ? experiment.name : "unnamed";
}
