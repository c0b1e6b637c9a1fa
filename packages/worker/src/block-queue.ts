import { blockLeaves } from "@shoal/core/outer";
import type { Lease } from "@shoal/protocol";
import type { BlockResult, EpisodeArrays } from "./block-job.ts";
import type { BlockProgram } from "./block-program.ts";
import { ParamsStore } from "./params-store.ts";

export interface BlockQueueHandlers {
  readonly onResult: (lease: Lease, result: BlockResult) => void;
  readonly onFailure: (lease: Lease, error: unknown) => void;
}

/**
 * The leases of a worker on their way: episodes are built as soon as a lease comes, ahead of need; a
 * block starts when its parameters are here and a compute thread is free, in the order of the leases.
 */
export class BlockQueue {
  readonly #program: BlockProgram;
  readonly #threads: number;
  readonly #handlers: BlockQueueHandlers;
  readonly #params = new ParamsStore();
  /** Leases that have not begun, by id. */
  readonly #waiting = new Map<number, Lease>();
  /** Leases that have episodes and parameters, by id. */
  readonly #startable = new Map<
    number,
    { readonly episodes: EpisodeArrays; readonly params: SharedArrayBuffer }
  >();
  readonly #running = new Set<number>();

  constructor(program: BlockProgram, threads: number, handlers: BlockQueueHandlers) {
    this.#program = program;
    this.#threads = threads;
    this.#handlers = handlers;
  }

  /** Ids of the leases that wait or run. */
  get leaseIds(): number[] {
    return [...this.#waiting.keys(), ...this.#running];
  }

  setParams(version: number, params: Float32Array): void {
    this.#params.put(version, params);
  }

  add(lease: Lease): void {
    this.#waiting.set(lease.leaseId, lease);
    void this.#prepare(lease);
  }

  /** Drops leases that have not begun; what runs is left to finish. */
  revoke(leaseIds: readonly number[]): void {
    for (const leaseId of leaseIds) {
      this.#waiting.delete(leaseId);
      this.#startable.delete(leaseId);
    }
  }

  /** Drops every lease that has not begun, and all parameters. */
  clear(): void {
    this.#waiting.clear();
    this.#startable.clear();
    this.#params.clear();
  }

  async #prepare(lease: Lease): Promise<void> {
    const { first, count } = blockLeaves(lease, lease.leafCount);
    const { tasksPerLeaf, split } = lease;
    const request = {
      split,
      firstEpisode: lease.firstEpisode + first * tasksPerLeaf,
      taskCount: count * tasksPerLeaf,
    };
    try {
      const [episodes, params] = await Promise.all([
        this.#program.buildEpisodes(request),
        this.#params.get(lease.version),
      ]);
      if (this.#waiting.get(lease.leaseId) !== lease) return;
      this.#startable.set(lease.leaseId, { episodes, params });
      this.#startNext();
    } catch (error) {
      if (this.#waiting.delete(lease.leaseId)) this.#handlers.onFailure(lease, error);
    }
  }

  /** Starts the oldest leases that can start, one per free thread. */
  #startNext(): void {
    for (const [leaseId, lease] of this.#waiting) {
      if (this.#running.size >= this.#threads) return;
      const ready = this.#startable.get(leaseId);
      if (ready === undefined) continue;
      this.#waiting.delete(leaseId);
      this.#startable.delete(leaseId);
      this.#running.add(leaseId);
      void this.#compute(lease, ready.episodes, ready.params);
    }
  }

  async #compute(lease: Lease, episodes: EpisodeArrays, params: SharedArrayBuffer): Promise<void> {
    const { kind, split, version } = lease;
    const { count } = blockLeaves(lease, lease.leafCount);
    try {
      const result = await this.#program.compute({
        kind,
        split,
        version,
        params,
        episodes,
        leafCount: count,
      });
      this.#running.delete(lease.leaseId);
      this.#startNext();
      this.#handlers.onResult(lease, result);
    } catch (error) {
      this.#running.delete(lease.leaseId);
      this.#startNext();
      this.#handlers.onFailure(lease, error);
    }
  }
}
