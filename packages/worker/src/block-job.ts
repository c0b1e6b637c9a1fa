import type { Identities, Problem, Split, TaskShapes, TaskSource } from "@shoal/core";
import type { StopFlag } from "./stop-flag.ts";

/** What a compute thread must know of a task source, as plain data: it has no task source of its own. */
export interface SourceShapes {
  readonly problem: Problem;
  readonly identities?: Identities;
  readonly specs: Readonly<Record<Split, ReturnType<TaskSource["spec"]>>>;
}

export function shapesOf(source: TaskSource): SourceShapes {
  return {
    problem: source.problem,
    ...(source.identities === undefined ? {} : { identities: source.identities }),
    specs: { train: source.spec("train"), validation: source.spec("validation"), test: source.spec("test") },
  };
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
