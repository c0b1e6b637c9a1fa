import { type Block, type Interval, interval, ReductionTree } from "@shoal/core/outer";
import type { CoordinatorEvent } from "./coordinator-event.ts";
import { bytesOfFloats } from "./float-bytes.ts";
import { byFirstLeaf, checksum } from "./journal/ledger.ts";
import type { CountedBlock } from "./journal/log-record.ts";
import { blockTasks, describeTasks, leafCountOf, type RoundSpec } from "./round-spec.ts";
import type { Command } from "./round-state.ts";

/** Which result counts as a block. */
export interface Counted {
  readonly level: number;
  readonly index: number;
  readonly workerId: string;
  readonly leaseId: number;
  /** Milliseconds that the worker was busy with it. */
  readonly computeMs: number;
}

/**
 * The floats of one round: the reduction tree of its gradients and one row of statistics per task.
 * The state machine decides what is added; this adds it.
 */
export class RoundWork {
  readonly spec: RoundSpec;
  /** When its first block was leased. */
  #startedMs: number;
  receivedBytes = 0;
  #computeMs = 0;
  readonly #blocks: CountedBlock[] = [];
  readonly #statNames: readonly string[];
  readonly #tree: ReductionTree;
  /** float32 [taskCount, statCount], in task order whatever the order of arrival. */
  readonly #stats: Float32Array;
  /** Accepted blocks that somebody else still computes, to be compared. */
  readonly #kept = new Map<string, Float32Array>();

  constructor(spec: RoundSpec, statNames: readonly string[], paramCount: number, nowMs: number) {
    this.spec = spec;
    this.#startedMs = nowMs;
    this.#statNames = statNames;
    this.#tree = new ReductionTree(leafCountOf(spec), spec.kind === "train" ? paramCount : 0);
    this.#stats = new Float32Array(spec.taskCount * statNames.length);
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** Milliseconds that workers were busy with the blocks that count. */
  get computeMs(): number {
    return this.#computeMs;
  }

  /** The first block is leased: a round may have waited for the one before. */
  begin(nowMs: number): void {
    this.#startedMs = nowMs;
  }

  /**
   * Takes an accepted result; `body` belongs to the tree from now on.
   *
   * @param packedFloats how many of its floats came in half their bytes
   */
  add(block: Block, body: Float32Array, packedFloats = 0): void {
    this.receivedBytes += body.byteLength - 4 * Math.floor(packedFloats / 2);
    const { first, count } = blockTasks(this.spec, block.level, block.index);
    const statCount = this.#statNames.length;
    this.#stats.set(body.subarray(0, count * statCount), first * statCount);
    this.#tree.add(block, body.subarray(count * statCount));
  }

  /** Notes for the ledger which result counts as a block; before `add`, which takes the floats away. */
  count(block: Counted, body: Float32Array): void {
    const { level, index, workerId, leaseId, computeMs } = block;
    this.#computeMs += computeMs;
    this.#blocks.push([level, index, workerId, leaseId, checksum(bytesOfFloats(body))]);
  }

  /** Every block that counted, in order of its leaves. */
  get blocks(): readonly CountedBlock[] {
    return this.#blocks.toSorted(byFirstLeaf);
  }

  /** The statistics of all tasks, float32 [taskCount, statCount]. */
  get stats(): Float32Array {
    return this.#stats;
  }

  /** Keeps a copy of an accepted result of which a second one may come. */
  keep(block: Block, body: Float32Array): void {
    this.#kept.set(keyOf(block), body.slice());
  }

  /** How many floats of a second result differ in their bits; null when the first was not kept. */
  compare(block: Block, body: Float32Array): number | null {
    const kept = this.#kept.get(keyOf(block));
    if (kept === undefined || kept.length !== body.length) return null;
    const ours = new Uint32Array(kept.buffer, kept.byteOffset, body.length);
    const theirs = new Uint32Array(body.buffer, body.byteOffset, body.length);
    let floatsDifferent = 0;
    for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) floatsDifferent++;
    return floatsDifferent;
  }

  /** What there is to tell when a second result has other bits than the first; null: nothing. */
  mismatchOf(
    command: Extract<Command, { type: "compare" }>,
    body: Float32Array,
  ): Extract<CoordinatorEvent, { type: "result-mismatch" }> | null {
    const floatsDifferent = this.compare(command, body) ?? 0;
    if (floatsDifferent === 0) return null;
    const { workers, level, index } = command;
    return {
      type: "result-mismatch",
      workers,
      tasks: describeTasks(this.spec, level, index),
      floatsDifferent,
    };
  }

  /** The sum of the gradients of all tasks, float32 [paramCount]. */
  gradientSum(): Float32Array {
    return this.#tree.root();
  }

  means(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.intervals()).map(([name, { mean }]) => [name, mean]));
  }

  intervals(): Record<string, Interval> {
    return this.#intervalsOf(Array.from({ length: this.spec.taskCount }, (_, task) => task));
  }

  /** The statistics of the tasks of each part of the task source, by the parts' names. */
  intervalsByPart(
    partOf: (split: RoundSpec["split"], episode: number) => string,
  ): Record<string, { readonly tasks: number; readonly stats: Record<string, Interval> }> {
    const { split, firstEpisode, taskCount } = this.spec;
    const parts = new Map<string, number[]>();
    for (let task = 0; task < taskCount; task++) {
      const part = partOf(split, firstEpisode + task);
      const tasks = parts.get(part) ?? [];
      tasks.push(task);
      parts.set(part, tasks);
    }
    const sorted = [...parts].sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(
      sorted.map(([part, tasks]) => [part, { tasks: tasks.length, stats: this.#intervalsOf(tasks) }]),
    );
  }

  #intervalsOf(tasks: readonly number[]): Record<string, Interval> {
    const statCount = this.#statNames.length;
    return Object.fromEntries(
      this.#statNames.map((name, column) => [
        name,
        interval(tasks.map((task) => this.#stats[task * statCount + column]!)),
      ]),
    );
  }
}

function keyOf({ level, index }: Block): string {
  return `${level}:${index}`;
}
