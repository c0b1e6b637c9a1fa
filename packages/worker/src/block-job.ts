import type { EpisodeSpec, Identities, Problem, Split, TaskShapes, TaskSource } from "@shoal/core";
import type { StopFlag } from "./stop-flag.ts";

/** What a compute thread must know of a task source, as plain data: it has no task source of its own. */
export interface SourceShapes {
  readonly problem: Problem;
  readonly identities?: Identities;
  readonly specs: Readonly<Record<Split, EpisodeSpec>>;
  /** Where episodes have several shapes: all of them, the first as in `specs`. */
  readonly variants?: Readonly<Record<Split, readonly EpisodeSpec[]>>;
}

export function shapesOf(source: TaskSource): SourceShapes {
  const { variants } = source;
  return {
    problem: source.problem,
    ...(source.identities === undefined ? {} : { identities: source.identities }),
    specs: ofEachSplit((split) => source.spec(split)),
    ...(variants === undefined ? {} : { variants: ofEachSplit((split) => variants.specs(split)) }),
  };
}

/** The shapes of the episodes of one variant, as if there were no others. */
export function variantShapes({ variants, ...shapes }: SourceShapes, variant: number): SourceShapes {
  if (variants === undefined) return shapes;
  return { ...shapes, specs: ofEachSplit((split) => variants[split][variant]!) };
}

function ofEachSplit<T>(of: (split: Split) => T): Readonly<Record<Split, T>> {
  return { train: of("train"), validation: of("validation"), test: of("test") };
}

export function taskShapes({ specs, ...shapes }: SourceShapes): TaskShapes {
  return { ...shapes, spec: (split) => specs[split] };
}

/** The episodes of a block, one after the other: each array is `[tasks, n, ...]`, flat. */
export interface EpisodeArrays {
  readonly supportX: Float32Array;
  readonly supportY: Float32Array | Int32Array;
  readonly queryX: Float32Array;
  readonly queryY: Float32Array | Int32Array;
  /** `[tasks, outputs]`, where training episodes have identities. */
  readonly identities?: Int32Array;
  /**
   * `[tasks]`, where episodes have several shapes: which of them each has, all of a leaf the same. The arrays are
   * then one task after the other, each of its own size.
   */
  readonly variants?: Int32Array;
}

/** Which episodes to build. */
export interface EpisodeRequest {
  readonly split: Split;
  readonly firstEpisode: number;
  readonly taskCount: number;
}

/** One block, ready to compute. */
export interface BlockJob {
  readonly kind: "train" | "evaluate";
  readonly split: Split;
  readonly version: number;
  /** The flat float32 parameters of that version, shared by all threads. */
  readonly params: SharedArrayBuffer;
  readonly episodes: EpisodeArrays;
  readonly leafCount: number;
  /** Raised when nobody wants the block any more; absent: it runs to its end. */
  readonly stop?: StopFlag;
}

export interface BlockResult {
  /**
   * float32 `[tasks x statCount]` statistics, row by row; then, for `train`, the block's tree sum of
   * gradients: the body of a `result` message.
   */
  readonly body: Float32Array;
  readonly taskCount: number;
  readonly statCount: number;
  /** How long the thread was busy, in ms. */
  readonly computeMs: number;
}
