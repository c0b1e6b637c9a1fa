import type { CoordinatorEvent } from "../coordinator-event.ts";
import { answer, answerText, type EndpointHandlers } from "../endpoints.ts";
import type { Command, RoundState } from "../round-state.ts";
import type { RunOptions } from "../run-options.ts";
import type { Wait } from "../waits.ts";
import { describeStatus } from "./describe-status.ts";
import { DiskWatch } from "./disk-use.ts";
import { readLivePage } from "./live-page.ts";
import { RunMetrics } from "./run-metrics.ts";
import { RunRecord } from "./run-record.ts";
import type { Status } from "./status.ts";
import type { TrafficCounts } from "./traffic.ts";

export interface ObserverOptions {
  readonly run: Pick<RunOptions, "plan" | "experiment" | "start" | "runDirectory">;
  /** What the round knows at the moment. */
  readonly state: () => RoundState;
  /** Every wait of the run, those for the disk included. */
  readonly waits: () => readonly Wait[];
  readonly traffic: () => TrafficCounts;
}

/**
 * To see inside a run: listens to its events and commands, and answers on the coordinator's port. It
 * changes nothing, and what it keeps is bounded.
 */
export class Observer {
  readonly #options: ObserverOptions;
  readonly #record: RunRecord;
  readonly #metrics: RunMetrics;
  readonly #disk: DiskWatch | null;
  readonly #page = readLivePage();
  readonly #startedMs = performance.now();

  constructor(options: ObserverOptions) {
    const { plan, start, runDirectory } = options.run;
    this.#options = options;
    this.#record = new RunRecord(start.evaluations);
    this.#metrics = new RunMetrics({
      ...options,
      record: this.#record,
      steps: plan.type === "train" ? plan.steps : start.step,
    });
    this.#disk = runDirectory === null ? null : new DiskWatch(runDirectory.path);
  }

  takeEvent(event: CoordinatorEvent): void {
    this.#record.takeEvent(event, performance.now());
    this.#metrics.takeEvent(event);
  }

  takeCommand(command: Command): void {
    this.#record.takeCommand(command);
  }

  /** What this answers on the coordinator's port. */
  get handlers(): EndpointHandlers {
    return {
      "GET /": (_, response) => {
        const { html, contentSecurityPolicy } = this.#page;
        answer(response, 200, "text/html; charset=utf-8", html, {
          "content-security-policy": contentSecurityPolicy,
          "referrer-policy": "no-referrer",
        });
      },
      "GET /healthz": (_, response) => answerText(response, 200, "alive"),
      "GET /readyz": (_, response) =>
        this.#record.isOver || this.#options.state().over !== null
          ? answerText(response, 503, "the run is over")
          : answerText(response, 200, "workers are let in"),
      "GET /metrics": async (_, response) =>
        answer(response, 200, this.#metrics.contentType, await this.#metrics.text()),
      "GET /status": async (_, response) =>
        answer(response, 200, "application/json; charset=utf-8", `${JSON.stringify(await this.#status())}\n`),
    };
  }

  close(): void {
    this.#metrics.close();
  }

  async #status(): Promise<Status> {
    const { run, state, waits, traffic } = this.#options;
    const disk = (await this.#disk?.use(performance.now())) ?? null;
    return describeStatus({
      state: state(),
      waits: waits(),
      record: this.#record,
      plan: run.plan,
      experiment: run.experiment,
      directory: run.runDirectory?.path ?? null,
      traffic: traffic(),
      disk,
      startedMs: this.#startedMs,
      nowMs: performance.now(),
      wallMs: Date.now(),
    });
  }
}
