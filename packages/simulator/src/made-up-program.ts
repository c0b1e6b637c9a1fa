import { type Random, ShoalError } from "@shoal/core/outer";
import { type Clock, sleep } from "@shoal/protocol";
import {
  type BlockJob,
  type BlockProgram,
  type BlockResult,
  type EpisodeArrays,
  type EpisodeRequest,
  throwIfRaised,
} from "@shoal/worker";
import type { Trouble } from "./fault.ts";
import { computeMadeUp, layout, statNames } from "./made-up-work.ts";

export interface MadeUpProgramOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Blocks at the same time. */
  readonly slots: number;
  /** Time of one task, in ms, give or take a fifth. */
  readonly taskMs: number;
  readonly prepareMs: number;
  /** Trouble for the next block, if there is any. */
  readonly nextTrouble: () => Trouble | null;
  /** The parameters that a block is computed with are looked at first. */
  readonly onParams: (version: number, params: Float32Array) => void;
  /** A computation begins; the result is called when it ends. */
  readonly onWork: () => (ms: number) => void;
  /** A result with wrong bits leaves the worker. */
  readonly onWrongBits: () => void;
}

/** Longer than any lease and what follows it. */
const NEVER_MS = 7_200_000;

/** About as long as the lease of a worker whose speed is not known. */
const LATE_MS = 130_000;

/** What a simulated worker computes: made-up work that takes its time on the process's clock. */
export class MadeUpProgram implements BlockProgram {
  readonly dataHash = "made-up";
  readonly description = "made-up tasks";
  readonly paramCount = layout.size;
  readonly device = "cpu";
  readonly slots: number;
  readonly openMs: number;
  readonly compileMs = 0;
  readonly memoryBytes = 0;
  readonly #options: MadeUpProgramOptions;

  private constructor(options: MadeUpProgramOptions) {
    this.#options = options;
    this.slots = options.slots;
    this.openMs = options.prepareMs;
  }

  static async open(options: MadeUpProgramOptions): Promise<MadeUpProgram> {
    await sleep(options.clock, options.prepareMs);
    return new MadeUpProgram(options);
  }

  /** An episode is its index. */
  async buildEpisodes({ firstEpisode, taskCount }: EpisodeRequest): Promise<EpisodeArrays> {
    const none = new Float32Array(0);
    const supportY = Int32Array.from({ length: taskCount }, (_, task) => firstEpisode + task);
    return { supportX: none, supportY, queryX: none, queryY: none };
  }

  async compute(job: BlockJob): Promise<BlockResult> {
    const { clock, random, taskMs, nextTrouble, onParams, onWork, onWrongBits } = this.#options;
    const params = new Float32Array(job.params);
    onParams(job.version, params);
    const episodes = job.episodes.supportY as Int32Array;
    const trouble = nextTrouble();
    const usualMs = taskMs * episodes.length * (0.8 + 0.4 * random.uniform());
    const ms = trouble === "never" ? NEVER_MS : trouble === "late" ? LATE_MS : usualMs;
    const started = clock.nowMs();
    const end = onWork();
    try {
      await computeLeaves(job, clock, ms, trouble === null);
    } finally {
      end(clock.nowMs() - started);
    }
    const computeMs = clock.nowMs() - started;
    if (trouble === "failure") throw new ShoalError("E_TROUBLE", "as ordered");
    const { kind, split, leafCount } = job;
    let body = computeMadeUp(params, { kind, split, episodes, leafCount });
    if (trouble === "not-a-number") body[random.int(body.length)] = Number.NaN;
    if (trouble === "wrong-shape") body = body.slice(0, -1);
    if (trouble === "wrong-bits") {
      new Uint32Array(body.buffer)[random.int(body.length)]! ^= 1;
      onWrongBits();
    }
    return {
      body,
      taskCount: episodes.length,
      statCount: statNames[kind].length,
      computeMs: trouble === "liar" ? [0, 1e-9, 1e12][random.int(3)]! : computeMs,
    };
  }

  async close(): Promise<void> {
    // It holds nothing.
  }
}

/** Takes `ms`; a block without trouble stops between two leaves when nobody wants it any more. */
async function computeLeaves(job: BlockJob, clock: Clock, ms: number, isStoppable: boolean): Promise<void> {
  if (!isStoppable || job.stop === undefined) return sleep(clock, ms);
  for (let leaf = 0; leaf < job.leafCount; leaf++) {
    throwIfRaised(job.stop);
    await sleep(clock, ms / job.leafCount);
  }
}
