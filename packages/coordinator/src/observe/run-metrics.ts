import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { CoordinatorEvent } from "../coordinator-event.ts";
import { type MetricSources, registerLookups } from "./metric-lookups.ts";
import { ProcessMetrics } from "./process-metrics.ts";

/** Upper bounds of the step histogram, in seconds: from a toy to a ResNet on one core. */
const STEP_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60, 300];

/** The run in the Prometheus text format; most of it is looked up when somebody asks. */
export class RunMetrics {
  readonly #registry = new Registry();
  readonly #process: ProcessMetrics;
  readonly #steps: Counter;
  readonly #tasks: Counter;
  readonly #stepSeconds: Histogram;
  readonly #busySeconds: Counter;
  readonly #share: Gauge;
  readonly #loss: Gauge;
  readonly #accuracy: Gauge;
  readonly #evaluation: Gauge<"purpose" | "statistic">;
  readonly #left: Counter;
  readonly #failures: Counter;
  readonly #mismatches: Counter;

  constructor(sources: MetricSources) {
    const registers = [this.#registry];
    this.#process = new ProcessMetrics(this.#registry);
    this.#steps = new Counter({
      name: "shoal_steps_total",
      help: "Steps committed since this start of the coordinator.",
      registers,
    });
    this.#tasks = new Counter({ name: "shoal_tasks_total", help: "Tasks of these steps.", registers });
    this.#stepSeconds = new Histogram({
      name: "shoal_step_seconds",
      help: "From the start of a step's round to its new version.",
      buckets: STEP_SECONDS,
      registers,
    });
    this.#busySeconds = new Counter({
      name: "shoal_coordinator_busy_seconds_total",
      help: "Part of the steps in which the coordinator was busy.",
      registers,
    });
    this.#share = new Gauge({
      name: "shoal_coordinator_share",
      help: "Share of the last step in which the coordinator was busy, 0 to 1.",
      registers,
    });
    this.#loss = new Gauge({ name: "shoal_loss", help: "Mean query loss of the last step.", registers });
    this.#accuracy = new Gauge({
      name: "shoal_accuracy",
      help: "Mean query accuracy of the last step, 0 to 1.",
      registers,
    });
    this.#evaluation = new Gauge({
      name: "shoal_evaluation",
      help: "Mean of the last evaluation with this purpose.",
      labelNames: ["purpose", "statistic"],
      registers,
    });
    this.#left = new Counter({ name: "shoal_workers_left_total", help: "Workers that left.", registers });
    this.#failures = new Counter({
      name: "shoal_block_failures_total",
      help: "Blocks that a worker could not compute, or computed to something that is no result.",
      registers,
    });
    this.#mismatches = new Counter({
      name: "shoal_result_mismatches_total",
      help: "Blocks that two workers computed to different bits.",
      registers,
    });
    registerLookups(this.#registry, sources);
  }

  /** The media type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  takeEvent(event: CoordinatorEvent): void {
    switch (event.type) {
      case "step":
        this.#steps.inc();
        this.#tasks.inc(event.tasks);
        this.#stepSeconds.observe(event.stepMs / 1000);
        this.#busySeconds.inc(event.coordinatorMs / 1000);
        this.#share.set(event.coordinatorMs / Math.max(1e-3, event.stepMs));
        if (event.stats.loss !== undefined) this.#loss.set(event.stats.loss);
        if (event.stats.accuracy !== undefined) this.#accuracy.set(event.stats.accuracy);
        return;
      case "evaluation": {
        const { purpose, stats } = event.evaluation;
        for (const [statistic, { mean }] of Object.entries(stats)) {
          this.#evaluation.set({ purpose, statistic }, mean);
        }
        return;
      }
      case "worker-left":
        this.#left.inc();
        return;
      case "block-failed":
        this.#failures.inc();
        return;
      case "result-mismatch":
        this.#mismatches.inc();
        return;
      default:
    }
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#process.close();
  }
}
