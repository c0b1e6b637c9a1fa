import { leafExperiment, parseExperiment, type Split } from "@shoal/core";
import { ShoalError } from "@shoal/core/outer";
import { type GraphCache, refuseTelemetry } from "@shoal/graph/run";
import { Piscina } from "piscina";
import {
  type BlockJob,
  type BlockResult,
  type EpisodeArrays,
  type EpisodeRequest,
  variantShapes,
} from "./block-job.ts";
import type { BlockProgram } from "./block-program.ts";
import { ComputePool } from "./compute-pool.ts";
import type { ComputeThreadData } from "./compute-thread.ts";
import type { EpisodeTask, EpisodeThreadData, OpenedSource } from "./episode-thread.ts";
import type { LeafGraph, LeafRequest } from "./leaf-graph.ts";
import { LeafGraphs } from "./leaf-graphs.ts";
import { createNativeCalls } from "./native-calls.ts";
import { type ThreadName, threadFile } from "./thread-file.ts";
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
  /** Where compiled graphs are kept; null: nowhere. */
  readonly graphCache: GraphCache | null;
  /** The data is open; the graphs come next. */
  readonly onDataOpen?: () => void;
}

/** What a leaf function is asked for with, but for which and for what device. */
type LeafBasis = Pick<LeafRequest, "experiment" | "shapes">;

/**
 * What a worker computes, ready to run: one thread that owns the task source, one that compiles while there
 * is something to compile, and compute threads on each device. Nothing here blocks the caller's thread.
 */
export class Program implements BlockProgram {
  readonly dataHash: string;
  readonly description: string;
  readonly paramCount: number;
  readonly openMs: number;
  /** From the open data to the last thread that is ready. */
  readonly compileMs: number;
  /** Estimate of what all threads on the CPU will hold at their peak. */
  readonly memoryBytes: number;
  /** Names of the devices, in a text. */
  readonly device: string;
  /** Blocks that are computed at the same time: all threads of all devices. */
  readonly slots: number;
  readonly #threads: Threads;
  readonly #basis: LeafBasis;
  readonly #wire: "f32" | "bf16";

  private constructor(threads: Threads, source: OpenedSource, basis: LeafBasis, facts: ProgramFacts) {
    const { devices } = threads;
    this.#wire = facts.wire;
    this.#threads = threads;
    this.#basis = basis;
    this.device = devices.map(({ name }) => name).join(", ");
    this.slots = devices.reduce((sum, { threads: count }) => sum + count, 0);
    this.dataHash = source.dataHash;
    this.description = source.description;
    this.paramCount = facts.paramCount;
    this.compileMs = facts.compileMs;
    this.openMs = facts.openMs;
    this.memoryBytes = facts.memoryBytes;
  }

  /**
   * Opens the data, then the graphs on every thread.
   *
   * @throws {ShoalError} with the code of whatever was wrong with the data or the experiment; E_MEMORY if
   *   the threads will need more memory than is free
   */
  static async open({ devices, graphCache, onDataOpen, ...episodeData }: ProgramOptions): Promise<Program> {
    const started = performance.now();
    const episodes = createPool("episode-thread", 1, episodeData);
    const graphPool = createPool("graph-thread", GRAPH_THREADS, null);
    const graphs = new LeafGraphs(graphPool, graphCache);
    const threads: Threads = { episodes, graphPool, graphs, devices: [] };
    try {
      const source = unwrap((await episodes.run({ type: "open" })) as ThreadReply<OpenedSource>);
      const openedMs = performance.now();
      onDataOpen?.();
      const { wire = "f32", ...experiment } = parseExperiment(episodeData.experiment);
      const basis = { experiment: leafExperiment(experiment), shapes: source.shapes };
      threads.devices.push(...devices.map(createComputePool));
      await allSettled(threads.devices.map((device) => device.start()));
      const leaves = await openLeaves(threads, basis);
      const program = new Program(threads, source, basis, {
        openMs: openedMs - started,
        compileMs: performance.now() - openedMs,
        paramCount: leaves[0]!.layout.size,
        memoryBytes: peakOf(leaves, devices),
        wire,
      });
      assertFits(program, process.availableMemory());
      return program;
    } catch (error) {
      await closeThreads(threads);
      throw error;
    }
  }

  /** Builds the episodes of a block; the caller owns them. */
  async buildEpisodes(request: EpisodeRequest): Promise<EpisodeArrays> {
    return unwrap(
      (await this.#threads.episodes.run({ type: "build", ...request })) as ThreadReply<EpisodeArrays>,
    );
  }

  /** Computes a block on the device with the most free threads; takes the job's episodes over. */
  async compute(job: BlockJob): Promise<BlockResult> {
    const arrays = Object.values(job.episodes) as Float32Array[];
    const transferList = arrays.map(({ buffer }) => buffer as ArrayBuffer);
    const device = this.#threads.devices.reduce((best, other) => (other.load < best.load ? other : best));
    const { kind, split } = job;
    const variants = [...new Set(job.episodes.variants ?? [0])];
    const graphs = variants.map(async (variant): Promise<[number, LeafGraph]> => {
      const request = requestOf({ kind, split }, this.#basis, device, variant);
      return [variant, await this.#threads.graphs.get(request)];
    });
    const task = Promise.all(graphs).then((leaves) => ({
      type: "block" as const,
      leaves: new Map(leaves),
      wire: this.#wire,
      ...job,
    }));
    return unwrap((await device.run(task, transferList)) as ThreadReply<BlockResult>);
  }

  /** Ends all threads after the leaves that they are in; what is left of their blocks is lost. */
  close(): Promise<void> {
    return closeThreads(this.#threads);
  }
}

/** Train and evaluate are compiled at the same time. */
const GRAPH_THREADS = 2;
/** How long an idle graph thread stays, in ms. */
const GRAPH_THREAD_IDLE_MS = 100;

interface Threads {
  readonly episodes: Piscina<EpisodeTask, ThreadReply<OpenedSource | EpisodeArrays>>;
  readonly graphPool: Piscina;
  readonly graphs: LeafGraphs;
  readonly devices: ComputePool[];
}

type ProgramFacts = Pick<Program, "openMs" | "compileMs" | "paramCount" | "memoryBytes"> & {
  readonly wire: "f32" | "bf16";
};

/** Opens the graphs that every run needs, on every thread: to train, and to test. */
async function openLeaves({ graphs, devices }: Threads, basis: LeafBasis): Promise<LeafGraph[]> {
  const leavesOf = async (device: ComputePool): Promise<LeafGraph[]> => {
    // Every shape of episodes is a graph of its own, and comes in time.
    const variants = (split: Split): readonly unknown[] => basis.shapes.variants?.[split] ?? [null];
    const leaves = await allSettled([
      ...variants("train").map((_, variant) =>
        graphs.get(requestOf({ kind: "train", split: "train" }, basis, device, variant)),
      ),
      ...variants("test").map((_, variant) =>
        graphs.get(requestOf({ kind: "evaluate", split: "test" }, basis, device, variant)),
      ),
    ]);
    const replies = await device.runOnEach({ type: "open", leaves });
    for (const reply of replies) unwrap(reply);
    return leaves;
  };
  return (await allSettled(devices.map(leavesOf))).flat();
}

function requestOf(
  which: Pick<LeafRequest, "kind" | "split">,
  { experiment, shapes }: LeafBasis,
  { target }: ComputePool,
  variant: number,
): LeafRequest {
  return { ...which, experiment, shapes: variantShapes(shapes, variant), target };
}

/** As `Promise.all`, but a failure waits for the others: their threads must not be ended while they load. */
async function allSettled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

/** Bytes of all threads on the CPU; both graphs of a thread keep what they once had. */
function peakOf(leaves: readonly LeafGraph[], devices: readonly ComputeDevice[]): number {
  const threads = devices.reduce((sum, device) => sum + (device.name === "cpu" ? device.threads : 0), 0);
  // The first two leaves of the target are those of one thread; more devices of it share them.
  const onCpu = new Set(leaves.filter(({ request: { target } }) => target !== null && target !== "gpu"));
  return threads * [...onCpu].reduce((sum, { graph }) => sum + graph!.memoryBytes, 0);
}

async function closeThreads({ episodes, graphPool, devices }: Threads): Promise<void> {
  await Promise.all([episodes.destroy(), graphPool.destroy(), ...devices.map((device) => device.close())]);
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

function createComputePool({ name, threads }: ComputeDevice): ComputePool {
  const calls = createNativeCalls();
  return new ComputePool({
    name,
    threads,
    calls,
    pool: createPool("compute-thread", threads, { device: name, calls } satisfies ComputeThreadData),
  });
}

/** A pool whose threads start at once and stay; the graph thread starts when it is needed, and goes. */
function createPool(name: ThreadName, threads: number, workerData: unknown): Piscina {
  const stays = name !== "graph-thread";
  refuseTelemetry();
  return new Piscina({
    filename: threadFile(name),
    workerData,
    minThreads: stays ? threads : 0,
    maxThreads: threads,
    idleTimeout: stays ? Number.POSITIVE_INFINITY : GRAPH_THREAD_IDLE_MS,
    // A thread that waits in Atomics.wait answers nothing else; ONNX Runtime's sessions need their event loop.
    atomics: "disabled",
    // Threads run the build, whatever conditions this process resolves its packages with.
    execArgv: [],
  });
}
