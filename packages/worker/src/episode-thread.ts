import { workerData } from "node:worker_threads";
import type { Episode, TaskSource } from "@shoal/core";
import type { EpisodeArrays, EpisodeRequest, SourceShapes } from "./block-job.ts";
import { shapesOf } from "./block-job.ts";
import { moving, replyOf, type ThreadReply } from "./thread-reply.ts";

/**
 * The thread that owns the task source: it opens the data once and builds the episodes of each lease
 * while the compute threads are busy with the one before.
 */

export interface EpisodeThreadData {
  /** URL of a module with `openTaskSource(experiment, options)`. */
  readonly taskSourceModule: string;
  readonly taskSourceOptions: unknown;
  readonly experiment: unknown;
}

export interface OpenedSource {
  readonly dataHash: string;
  readonly description: string;
  readonly shapes: SourceShapes;
}

export type EpisodeTask = { readonly type: "open" } | ({ readonly type: "build" } & EpisodeRequest);

interface TaskSourceModule {
  openTaskSource(experiment: unknown, options: unknown): Promise<TaskSource>;
}

let opened: Promise<TaskSource> | null = null;

export default async function run(task: EpisodeTask): Promise<ThreadReply<OpenedSource | EpisodeArrays>> {
  if (task.type === "open") {
    return replyOf(async () => {
      const source = await openOnce();
      return { dataHash: source.dataHash, description: source.description, shapes: shapesOf(source) };
    });
  }
  const reply = await replyOf(async () => build(await openOnce(), task));
  return moving(reply, (arrays) => Object.values(arrays) as Float32Array[]);
}

function openOnce(): Promise<TaskSource> {
  opened ??= open();
  return opened;
}

async function open(): Promise<TaskSource> {
  const data = workerData as EpisodeThreadData;
  const module = (await import(data.taskSourceModule)) as TaskSourceModule;
  return module.openTaskSource(data.experiment, data.taskSourceOptions);
}

/** Builds consecutive episodes into flat arrays, which the caller then owns. */
function build(source: TaskSource, { split, firstEpisode, taskCount }: EpisodeRequest): EpisodeArrays {
  const { variants } = source;
  const episodes = Array.from({ length: taskCount }, (_, i) => source.episode(split, firstEpisode + i));
  return {
    supportX: join(episodes, ({ support }) => support.x) as Float32Array,
    supportY: join(episodes, ({ support }) => support.y),
    queryX: join(episodes, ({ query }) => query.x) as Float32Array,
    queryY: join(episodes, ({ query }) => query.y),
    ...(variants === undefined
      ? {}
      : { variants: Int32Array.from(episodes, (_, i) => variants.of(split, firstEpisode + i)) }),
    ...(episodes[0]!.identities === undefined
      ? {}
      : { identities: join(episodes, ({ identities }) => identities!) as Int32Array }),
  };
}

function join(
  episodes: readonly Episode[],
  part: (episode: Episode) => Float32Array | Int32Array,
): Float32Array | Int32Array {
  const first = part(episodes[0]!);
  if (episodes.length === 1) return first;
  const size = episodes.reduce((sum, episode) => sum + part(episode).length, 0);
  const joined = first instanceof Float32Array ? new Float32Array(size) : new Int32Array(size);
  let at = 0;
  for (const episode of episodes) {
    const values = part(episode);
    joined.set(values, at);
    at += values.length;
  }
  return joined;
}
