import type { Lease } from "@shoal/protocol";

/** One fan-out over the workers: a training step, or an evaluation. */
export interface RoundSpec {
  /** Of the round in its run; follows from `purpose` and `version`, so it is the same after a restart. */
  readonly number: number;
  readonly purpose: "train" | "validation" | "test-before" | "test-after" | "evaluate";
  readonly kind: Lease["kind"];
  readonly split: Lease["split"];
  /** Committed steps of the parameters that the round uses. */
  readonly version: number;
  /** Episode index of the first task. */
  readonly firstEpisode: number;
  readonly taskCount: number;
  readonly tasksPerLeaf: number;
}

/** Every leaf is full: a plan's task counts are multiples of `tasksPerLeaf`. */
export function leafCountOf(spec: RoundSpec): number {
  return spec.taskCount / spec.tasksPerLeaf;
}

/** The tasks of block `(level, index)`, counted from the round's first task. */
export function blockTasks(
  spec: RoundSpec,
  level: number,
  index: number,
): { readonly first: number; readonly count: number } {
  const firstLeaf = index * 2 ** level;
  const endLeaf = Math.min(leafCountOf(spec), firstLeaf + 2 ** level);
  return { first: firstLeaf * spec.tasksPerLeaf, count: (endLeaf - firstLeaf) * spec.tasksPerLeaf };
}

/** The episode indices of a block, for people: `train episodes 64-71`. */
export function describeTasks(spec: RoundSpec, level: number, index: number): string {
  const { first, count } = blockTasks(spec, level, index);
  const from = spec.firstEpisode + first;
  return count === 1 ? `${spec.split} episode ${from}` : `${spec.split} episodes ${from}-${from + count - 1}`;
}
