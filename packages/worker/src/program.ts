import { Piscina } from "piscina";
import type { BlockJob, BlockResult, EpisodeArrays, EpisodeRequest } from "./block-job.ts";
import type { Compiled, ComputeTask, ComputeThreadData } from "./compute-thread.ts";
import type { EpisodeTask, EpisodeThreadData, OpenedSource } from "./episode-thread.ts";
import { threadFile } from "./thread-file.ts";
import { type ThreadReply, unwrap } from "./thread-reply.ts";

export interface ProgramOptions extends EpisodeThreadData {
  /** Compute threads, >= 1; each computes one block at a time. */
  readonly threads: number;
  readonly device: "cpu";
}

/**
 * What a worker computes, ready to run: one thread that owns the task source, and `threads` compute
 * threads with compiled graphs. Nothing here blocks the caller's thread.
 */
export class Program {
  readonly dataHash: string;
  readonly description: string;
  readonly paramCount: number;
  readonly openMs: number;
  /** The slowest thread's. */
  readonly compileMs: number;
  readonly #episodes: Piscina<EpisodeTask, ThreadReply<OpenedSource | EpisodeArrays>>;
  readonly #compute: Piscina<ComputeTask, ThreadReply<Compiled | BlockResult>>;

  private constructor(
    episodes: Piscina,
    compute: Piscina,
    source: OpenedSource,
    compiled: readonly Compiled[],
    openMs: number,
  ) {
    this.#episodes = episodes;
    this.#compute = compute;
    this.dataHash = source.dataHash;
    this.description = source.description;
    this.paramCount = compiled[0]!.paramCount;
    this.compileMs = Math.max(...compiled.map(({ compileMs }) => compileMs));
    this.openMs = openMs;
  }

  /**
   * Opens the data, then compiles on every thread.
   *
   * @throws {ShoalError} with the code of whatever was wrong with the data or the experiment
   */
  static async open({ threads, device, ...episodeData }: ProgramOptions): Promise<Program> {
    const started = performance.now();
    const episodes = createPool("episode-thread", 1, episodeData);
    try {
      const source = unwrap((await episodes.run({ type: "open" })) as ThreadReply<OpenedSource>);
      const openMs = performance.now() - started;
      const data: ComputeThreadData = { experiment: episodeData.experiment, shapes: source.shapes, device };
      const compute = createPool("compute-thread", threads, data);
      try {
        // As many tasks at once as there are idle threads: each thread takes one.
        const replies = await Promise.all(
          Array.from({ length: threads }, () => compute.run({ type: "compile" })),
        );
        const compiled = replies.map((reply) => unwrap(reply as ThreadReply<Compiled>));
        return new Program(episodes, compute, source, compiled, openMs);
      } catch (error) {
        await compute.destroy();
        throw error;
      }
    } catch (error) {
      await episodes.destroy();
      throw error;
    }
  }

  /** Builds the episodes of a block; the caller owns them. */
  async buildEpisodes(request: EpisodeRequest): Promise<EpisodeArrays> {
    return unwrap((await this.#episodes.run({ type: "build", ...request })) as ThreadReply<EpisodeArrays>);
  }

  /** Computes a block on a free thread; takes the job's episodes over. */
  async compute(job: BlockJob): Promise<BlockResult> {
    const { supportX, supportY, queryX, queryY } = job.episodes;
    const transferList = [supportX, supportY, queryX, queryY].map(({ buffer }) => buffer as ArrayBuffer);
    const reply = await this.#compute.run({ type: "block", ...job }, { transferList });
    return unwrap(reply as ThreadReply<BlockResult>);
  }

  /** Ends all threads at once; what runs on them is lost. */
  async close(): Promise<void> {
    await Promise.all([this.#episodes.destroy(), this.#compute.destroy()]);
  }
}

/** A pool whose threads start at once and stay. */
function createPool(
  name: "compute-thread" | "episode-thread",
  threads: number,
  workerData: unknown,
): Piscina {
  return new Piscina({
    filename: threadFile(name),
    workerData,
    minThreads: threads,
    maxThreads: threads,
    idleTimeout: Number.POSITIVE_INFINITY,
    // A thread that waits in Atomics.wait answers nothing else; ONNX Runtime's sessions need their event loop.
    atomics: "disabled",
    // Threads run the build, whatever conditions this process resolves its packages with.
    execArgv: [],
  });
}
