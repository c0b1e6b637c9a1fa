import { Counter, Gauge, type Registry } from "prom-client";
import { isReady } from "../members.ts";
import type { RoundState } from "../round-state.ts";
import { liveLeases } from "../rounds.ts";
import type { RunRecord } from "./run-record.ts";
import type { TrafficCounts } from "./traffic.ts";

export interface MetricSources {
  readonly record: RunRecord;
  readonly state: () => RoundState;
  readonly traffic: () => TrafficCounts;
  /** Steps of the whole run. */
  readonly steps: number;
}

/** Metrics whose values lie elsewhere and are looked up at each scrape. */
export function registerLookups(registry: Registry, { record, state, traffic, steps }: MetricSources): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(
      new Gauge({
        name,
        help,
        registers: [],
        collect() {
          this.set(value());
        },
      }),
    );
  };
  const counter = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(
      new Counter({
        name,
        help,
        registers: [],
        collect() {
          this.reset();
          this.inc(value());
        },
      }),
    );
  };
  gauge("shoal_step", "Committed steps of the run.", () => state().version);
  gauge("shoal_steps_planned", "Steps of the whole run.", () => steps);
  gauge("shoal_incarnation", "Starts of this run's coordinator.", () => state().settings.incarnation);
  counter("shoal_leases_issued_total", "Leases given to workers.", () => record.leasesIssued);
  counter("shoal_received_bytes_total", "Bytes from the network.", () => traffic().receivedBytes);
  counter("shoal_sent_bytes_total", "Bytes to the network.", () => traffic().sentBytes);
  registry.registerMetric(
    new Gauge({
      name: "shoal_workers",
      help: "Workers that are connected, by state.",
      labelNames: ["state"],
      registers: [],
      collect() {
        const { members } = state();
        const ready = members.filter(isReady).length;
        this.set({ state: "ready" }, ready);
        this.set({ state: "preparing" }, members.length - ready);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "shoal_leases",
      help: "Leases out now: live ones, copies among them (hedged), and late or revoked ones that are not answered yet.",
      labelNames: ["state"],
      registers: [],
      collect() {
        const { members } = state();
        const live = liveLeases(state());
        this.set({ state: "live" }, live.length);
        // A block's first lease is none; the others are copies.
        this.set({ state: "hedged" }, live.length - new Set(live.map(({ block }) => block)).size);
        this.set(
          { state: "late" },
          members.reduce((sum, { late }) => sum + late.length, 0),
        );
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: "shoal_results_total",
      help: "Results of workers, by what became of them.",
      labelNames: ["answer"],
      registers: [],
      collect() {
        this.reset();
        for (const [answer, results] of Object.entries(record.results)) this.inc({ answer }, results);
      },
    }),
  );
}
