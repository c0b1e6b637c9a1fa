import { blockLeaves } from "@shoal/core/outer";
import type { Clock, Lease } from "@shoal/protocol";
import type { BlockResult, EpisodeArrays } from "./block-job.ts";
import type { BlockProgram } from "./block-program.ts";
import { ParamsStore } from "./params-store.ts";
import { createStopFlag, raise, revoked, type StopFlag } from "./stop-flag.ts";

interface RunningBlock {
  readonly lease: Lease;
  readonly sinceMs: number;
  readonly stop: StopFlag;
}

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
  readonly #clock: Clock;
  readonly #handlers: BlockQueueHandlers;
  readonly #params = new ParamsStore();
  /** Leases that have not begun, by id. */
  readonly #waiting = new Map<number, Lease>();
  /** Leases that have episodes and parameters, by id. */
  readonly #startable = new Map<
    number,
    { readonly episodes: EpisodeArrays; readonly params: SharedArrayBuffer }
  >();
  readonly #running = new Map<number, RunningBlock>();
  /** Since when nothing runs. */
  #idleSinceMs: number;
  /** Time of one leaf, by kind, of the last block. */
  readonly #leafMs = new Map<Lease["kind"], number>();

  constructor(program: BlockProgram, clock: Clock, handlers: BlockQueueHandlers) {
    this.#program = program;
    this.#clock = clock;
    this.#handlers = handlers;
    this.#idleSinceMs = clock.nowMs();
  }

  /** Ids of the leases that wait or run. */
  get leaseIds(): number[] {
    return [...this.#waiting.keys(), ...this.#running.keys()];
  }

  /** For how long leases have waited while nothing ran, in ms: they wait for their parameters; null: they do not. */
  get stalledMs(): number | null {
    if (this.#running.size > 0 || this.#waiting.size === 0) return null;
    return this.#clock.nowMs() - this.#idleSinceMs;
  }

  setParams(version: number, params: Float32Array): void {
    this.#params.put(version, params);
  }

  add(lease: Lease): void {
    if (this.leaseIds.length === 0) this.#idleSinceMs = this.#clock.nowMs();
    this.#waiting.set(lease.leaseId, lease);
    void this.#prepare(lease);
  }

  /** Drops leases that have not begun and stops those that run after their leaf: they fail with E_REVOKED. */
  revoke(leaseIds: readonly number[]): void {
    for (const leaseId of leaseIds) {
      const waiting = this.#waiting.get(leaseId);
      const running = this.#running.get(leaseId);
      if (running !== undefined) raise(running.stop);
      if (waiting === undefined) continue;
      this.#waiting.delete(leaseId);
      this.#startable.delete(leaseId);
      this.#handlers.onFailure(waiting, revoked());
    }
  }

  /** The leases that are not expected to be done within `ms`: all that wait, and what runs too long. */
  unfinishedAfter(ms: number): number[] {
    const nowMs = this.#clock.nowMs();
    const tooLong = [...this.#running].filter(([, { lease, sinceMs }]) => {
      const { count } = blockLeaves(lease, lease.leafCount);
      // Of the first block nothing is known: it may be short.
      return count * (this.#leafMs.get(lease.kind) ?? 0) - (nowMs - sinceMs) > ms;
    });
    return [...this.#waiting.keys(), ...tooLong.map(([leaseId]) => leaseId)];
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

  /** Starts the oldest leases that can start, one per free slot. */
  #startNext(): void {
    for (const [leaseId, lease] of this.#waiting) {
      if (this.#running.size >= this.#program.slots) return;
      const ready = this.#startable.get(leaseId);
      if (ready === undefined) continue;
      this.#waiting.delete(leaseId);
      this.#startable.delete(leaseId);
      const running = { lease, sinceMs: this.#clock.nowMs(), stop: createStopFlag() };
      this.#running.set(leaseId, running);
      void this.#compute(running, ready.episodes, ready.params);
    }
  }

  async #compute(
    { lease, stop }: RunningBlock,
    episodes: EpisodeArrays,
    params: SharedArrayBuffer,
  ): Promise<void> {
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
        stop,
      });
      this.#leafMs.set(kind, result.computeMs / count);
      this.#running.delete(lease.leaseId);
      this.#idleSinceMs = this.#clock.nowMs();
      this.#startNext();
      this.#handlers.onResult(lease, result);
    } catch (error) {
      this.#running.delete(lease.leaseId);
      this.#idleSinceMs = this.#clock.nowMs();
      this.#startNext();
      this.#handlers.onFailure(lease, error);
    }
  }
}
