import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, type Registry } from "prom-client";

/** How often the event loop's delay is sampled, in ms. */
const DELAY_SAMPLE_MS = 20;

/**
 * Memory, processor time and event loop lag of this process, under the names that dashboards for Node.js
 * know. A coordinator that lags answers its workers late.
 */
export class ProcessMetrics {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: DELAY_SAMPLE_MS });

  constructor(registry: Registry) {
    const delay = this.#delay;
    delay.enable();
    registry.registerMetric(
      new Gauge({
        name: "process_resident_memory_bytes",
        help: "Resident memory.",
        registers: [],
        collect() {
          this.set(process.memoryUsage.rss());
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: "nodejs_heap_size_used_bytes",
        help: "JavaScript heap in use.",
        registers: [],
        collect() {
          this.set(process.memoryUsage().heapUsed);
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: "nodejs_external_memory_bytes",
        help: "Memory of buffers outside the heap.",
        registers: [],
        collect() {
          this.set(process.memoryUsage().external);
        },
      }),
    );
    registry.registerMetric(
      new Counter({
        name: "process_cpu_seconds_total",
        help: "Processor time.",
        registers: [],
        collect() {
          const { user, system } = process.cpuUsage();
          this.reset();
          this.inc((user + system) / 1e6);
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: "process_start_time_seconds",
        help: "Start of the process, in seconds since 1970.",
        registers: [],
        collect() {
          this.set(Math.round(performance.timeOrigin / 1000));
        },
      }),
    );
    registry.registerMetric(
      new Gauge({
        name: "shoal_event_loop_lag_seconds",
        help: "Delay of timers since the start of the coordinator, by quantile (1 is the longest).",
        labelNames: ["quantile"],
        registers: [],
        collect() {
          for (const quantile of [0.5, 0.99, 1]) {
            // A sample is the time between two timers, and includes the interval itself.
            const ns = delay.count === 0 ? 0 : delay.percentile(100 * quantile) - DELAY_SAMPLE_MS * 1e6;
            this.set({ quantile: String(quantile) }, Math.max(0, ns) / 1e9);
          }
        },
      }),
    );
  }

  close(): void {
    this.#delay.disable();
  }
}
