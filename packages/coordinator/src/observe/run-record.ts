import type { CoordinatorEvent, Evaluation } from "../coordinator-event.ts";
import { levelOf } from "../event-level.ts";
import { EVENTS_KEPT } from "../limits.ts";
import type { Command } from "../round-state.ts";
import { LearningCurve } from "./learning-curve.ts";
import { StepRate } from "./step-rate.ts";

export type StepEvent = Extract<CoordinatorEvent, { type: "step" }>;
type JoinedEvent = Extract<CoordinatorEvent, { type: "worker-joined" }>;

/** What became of the results of this start, by answer. */
export interface ResultCounts {
  accepted: number;
  duplicate: number;
  stale: number;
  invalid: number;
}

/** What is remembered of a worker beside its state in the round. */
export interface WorkerRecord {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  blocksDone: number;
}

/** Events that come several times a second, or are told in other members. */
const UNLISTED: ReadonlySet<CoordinatorEvent["type"]> = new Set([
  "step",
  "evaluation",
  "round-started",
  "result-unused",
  "done",
]);

/**
 * What happened since this coordinator was started, in bounded memory: it listens to the events and the
 * commands of a run, and changes neither.
 */
export class RunRecord {
  readonly curve = new LearningCurve();
  readonly rate = new StepRate();
  readonly results: ResultCounts = { accepted: 0, duplicate: 0, stale: 0, invalid: 0 };
  /** By worker id. */
  readonly workers = new Map<string, WorkerRecord>();
  readonly evaluations: Evaluation[];
  leasesIssued = 0;
  lastStep: StepEvent | null = null;
  isOver = false;
  readonly #events: { readonly atMs: number; readonly event: CoordinatorEvent }[] = [];

  constructor(evaluations: readonly Evaluation[]) {
    this.evaluations = [...evaluations];
  }

  /** The last events, oldest first, with the ms of the clock that `takeEvent` was given. */
  get events(): readonly { readonly atMs: number; readonly event: CoordinatorEvent }[] {
    return this.#events;
  }

  takeEvent(event: CoordinatorEvent, nowMs: number): void {
    switch (event.type) {
      case "step":
        this.lastStep = event;
        this.rate.add(nowMs);
        if (event.stats.loss !== undefined) {
          this.curve.add(event.step, event.stats.loss, event.stats.accuracy ?? null);
        }
        break;
      case "evaluation":
        this.evaluations.push(event.evaluation);
        break;
      case "worker-joined":
        this.workers.set(event.workerId, recordOf(event));
        break;
      case "worker-left":
        this.workers.delete(event.workerId);
        break;
      case "done":
        this.isOver = true;
        break;
      default:
    }
    if (UNLISTED.has(event.type) || levelOf(event) === "debug") return;
    this.#events.push({ atMs: nowMs, event });
    if (this.#events.length > EVENTS_KEPT) this.#events.shift();
  }

  takeCommand(command: Command): void {
    if (command.type !== "send") return;
    const { message, workerId } = command;
    if (message.type === "lease") this.leasesIssued++;
    if (message.type !== "answer") return;
    this.results[message.status === "rejected" ? "invalid" : message.status]++;
    const worker = this.workers.get(workerId);
    if (message.status === "accepted" && worker !== undefined) worker.blocksDone++;
  }
}

function recordOf({ host, pid, version }: JoinedEvent): WorkerRecord {
  return { host, pid, version, blocksDone: 0 };
}
