import { type Interval, interval, ReductionTree } from "@shoal/core/outer";
import { bytesOfFloats } from "./float-bytes.ts";
import { byFirstLeaf, checksum } from "./journal/ledger.ts";
import type { CountedBlock } from "./journal/log-record.ts";
import { blockTasks, leafCountOf, type RoundSpec } from "./round-spec.ts";

/** Which result counts as a block. */
export interface Counted {
  readonly level: number;
  readonly index: number;
  readonly workerId: string;
  readonly leaseId: number;
}

/**
 * The floats of one round: the reduction tree of its gradients and one row of statistics per task.
 * The state machine decides what is added; this adds it.
 */
export class RoundWork {
  readonly spec: RoundSpec;
  readonly startedMs: number;
  receivedBytes = 0;
  readonly #blocks: CountedBlock[] = [];
  readonly #statNames: readonly string[];
  readonly #tree: ReductionTree;
  /** float32 [taskCount, statCount], in task order whatever the order of arrival. */
  readonly #stats: Float32Array;
  /** Accepted blocks that somebody else still computes, to be compared. */
  readonly #kept = new Map<number, { readonly workerId: string; readonly body: Float32Array }>();

  constructor(spec: RoundSpec, statNames: readonly string[], paramCount: number, nowMs: number) {
    this.spec = spec;
    this.startedMs = nowMs;
    this.#statNames = statNames;
    this.#tree = new ReductionTree(leafCountOf(spec), spec.kind === "train" ? paramCount : 0);
    this.#stats = new Float32Array(spec.taskCount * statNames.length);
  }

  /** Takes an accepted result; `body` belongs to the tree from now on. */
  add(block: { readonly level: number; readonly index: number }, body: Float32Array): void {
    const { first, count } = blockTasks(this.spec, block.level, block.index);
    const statCount = this.#statNames.length;
    this.#stats.set(body.subarray(0, count * statCount), first * statCount);
    this.#tree.add(block, body.subarray(count * statCount));
  }

  /** Notes for the ledger which result counts as a block; before `add`, which takes the floats away. */
  count(block: Counted, body: Float32Array): void {
    const { level, index, workerId, leaseId } = block;
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
  keep(index: number, workerId: string, body: Float32Array): void {
    this.#kept.set(index, { workerId, body: body.slice() });
  }

  /** How many floats of a second result differ in their bits; null when the first was not kept. */
  compare(
    index: number,
    body: Float32Array,
  ): { readonly workerId: string; readonly floatsDifferent: number } | null {
    const kept = this.#kept.get(index);
    if (kept === undefined || kept.body.length !== body.length) return null;
    const ours = new Uint32Array(kept.body.buffer, kept.body.byteOffset, body.length);
    const theirs = new Uint32Array(body.buffer, body.byteOffset, body.length);
    let floatsDifferent = 0;
    for (let i = 0; i < ours.length; i++) if (ours[i] !== theirs[i]) floatsDifferent++;
    return { workerId: kept.workerId, floatsDifferent };
  }

  /** The sum of the gradients of all tasks, float32 [paramCount]. */
  gradientSum(): Float32Array {
    return this.#tree.root();
  }

  means(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.intervals()).map(([name, { mean }]) => [name, mean]));
  }

  intervals(): Record<string, Interval> {
    return Object.fromEntries(this.#statNames.map((name, column) => [name, interval(this.#column(column))]));
  }

  #column(column: number): number[] {
    const statCount = this.#statNames.length;
    return Array.from({ length: this.spec.taskCount }, (_, task) => this.#stats[task * statCount + column]!);
  }
}
