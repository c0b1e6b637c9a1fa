import { ShoalError } from "@shoal/core/outer";
import { Piscina } from "piscina";
import type { BlockJob, BlockResult, EpisodeArrays, EpisodeRequest } from "./block-job.ts";
import type { BlockProgram } from "./block-program.ts";
import type { Compiled, ComputeTask, ComputeThreadData } from "./compute-thread.ts";
import type { EpisodeTask, EpisodeThreadData, OpenedSource } from "./episode-thread.ts";
import { threadFile } from "./thread-file.ts";
import { type ThreadReply, unwrap } from "./thread-reply.ts";

/** A device to compute on, and how many threads compute on it at the same time. */
export interface ComputeDevice {
  /** `cpu`, `cuda:1`, `webgpu`, `tensorflow`: a name that `compile` of the graph package takes. */
  readonly name: string;
  /** >= 1; each computes one block at a time with graphs of its own. One is right for a GPU. */
  readonly threads: number;
}

export interface ProgramOptions extends EpisodeThreadData {
  /** At least one. */
  readonly devices: readonly ComputeDevice[];
}

type ComputePool = Piscina<ComputeTask, ThreadReply<Compiled | BlockResult>>;

/** The compute threads of one device. */
interface DevicePool {
  readonly name: string;
  readonly pool: ComputePool;
  readonly threads: number;
  /** Blocks that were handed to it and are not done. */
  blocks: number;
}

/**
 * What a worker computes, ready to run: one thread that owns the task source, and compute threads with
 * compiled graphs on each device. Nothing here blocks the caller's thread.
 */
export class Program implements BlockProgram {
  readonly dataHash: string;
  readonly description: string;
  readonly paramCount: number;
  readonly openMs: number;
  /** The slowest thread's. */
  readonly compileMs: number;
  /** Estimate of what all threads on the CPU will hold at their peak. */
  readonly memoryBytes: number;
  readonly #episodes: Piscina<EpisodeTask, ThreadReply<OpenedSource | EpisodeArrays>>;
  /** Names of the devices, in a text. */
  readonly device: string;
  /** Blocks that are computed at the same time: all threads of all devices. */
  readonly slots: number;
  readonly #devices: readonly DevicePool[];

  private constructor(
    episodes: Piscina,
    devices: readonly DevicePool[],
    source: OpenedSource,
    compiled: readonly Compiled[],
    openMs: number,
  ) {
    this.#episodes = episodes;
    this.#devices = devices;
    this.device = devices.map(({ name }) => name).join(", ");
    this.slots = devices.reduce((sum, { threads }) => sum + threads, 0);
    this.dataHash = source.dataHash;
    this.description = source.description;
    this.paramCount = compiled[0]!.paramCount;
    this.compileMs = Math.max(...compiled.map(({ compileMs }) => compileMs));
    this.openMs = openMs;
    this.memoryBytes = devices
      .filter(({ name }) => name === "cpu")
      .reduce((sum, { threads }) => sum + threads * compiled[0]!.memoryBytes, 0);
  }

  /**
   * Opens the data, then compiles on every thread.
   *
   * @throws {ShoalError} with the code of whatever was wrong with the data or the experiment; E_MEMORY if
   *   the threads will need more memory than is free
   */
  static async open({ devices, ...episodeData }: ProgramOptions): Promise<Program> {
    const started = performance.now();
    const episodes = createPool("episode-thread", 1, episodeData);
    const pools: DevicePool[] = [];
    try {
      const source = unwrap((await episodes.run({ type: "open" })) as ThreadReply<OpenedSource>);
      const openMs = performance.now() - started;
      for (const { name, threads } of devices) {
        const data: ComputeThreadData = {
          experiment: episodeData.experiment,
          shapes: source.shapes,
          device: name,
        };
        pools.push({ name, pool: createPool("compute-thread", threads, data), threads, blocks: 0 });
      }
      // As many tasks at once as there are idle threads: each thread takes one.
      const replies = await Promise.all(
        pools.flatMap(({ pool, threads }) =>
          Array.from({ length: threads }, () => pool.run({ type: "compile" })),
        ),
      );
      const compiled = replies.map((reply) => unwrap(reply as ThreadReply<Compiled>));
      const program = new Program(episodes, pools, source, compiled, openMs);
      assertFits(program, process.availableMemory());
      return program;
    } catch (error) {
      await Promise.all([episodes, ...pools.map(({ pool }) => pool)].map((pool) => pool.destroy()));
      throw error;
    }
  }

  /** Builds the episodes of a block; the caller owns them. */
  async buildEpisodes(request: EpisodeRequest): Promise<EpisodeArrays> {
    return unwrap((await this.#episodes.run({ type: "build", ...request })) as ThreadReply<EpisodeArrays>);
  }

  /** Computes a block on the device with the most free threads; takes the job's episodes over. */
  async compute(job: BlockJob): Promise<BlockResult> {
    const { supportX, supportY, queryX, queryY } = job.episodes;
    const transferList = [supportX, supportY, queryX, queryY].map(({ buffer }) => buffer as ArrayBuffer);
    const device = this.#devices.reduce((best, other) =>
      other.blocks / other.threads < best.blocks / best.threads ? other : best,
    );
    device.blocks++;
    try {
      const reply = await device.pool.run({ type: "block", ...job }, { transferList });
      return unwrap(reply as ThreadReply<BlockResult>);
    } finally {
      device.blocks--;
    }
  }

  /** Ends all threads at once; what runs on them is lost. */
  async close(): Promise<void> {
    await Promise.all(
      [this.#episodes, ...this.#devices.map(({ pool }) => pool)].map((pool) => pool.destroy()),
    );
  }
}

/** @param free bytes that this process can still have, limits of its container included */
export function assertFits(
  { memoryBytes, slots }: Pick<Program, "memoryBytes" | "slots">,
  free: number,
): void {
  if (memoryBytes <= free) return;
  const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new ShoalError(
    "E_MEMORY",
    `memory: ${slots} thread${slots === 1 ? "" : "s"} will need about ${mib(memoryBytes)}, ${mib(free)} are free; ` +
      "lower the threads, the tasks per leaf, the images of an episode or the inner steps",
  );
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
