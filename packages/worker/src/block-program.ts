import type { BlockJob, BlockResult, EpisodeArrays, EpisodeRequest } from "./block-job.ts";

/** What computes blocks: a `Program` with its threads, or what a simulation makes up. */
export interface BlockProgram {
  readonly dataHash: string;
  /** What the data is, for people. */
  readonly description: string;
  readonly paramCount: number;
  /** Names of the devices, in a text. */
  readonly device: string;
  /** Blocks that are computed at the same time; a relay's change with its workers. */
  readonly slots: number;
  /** Each block is divided among all slots. Default: it is computed on one. */
  readonly dividesBlocks?: boolean;
  readonly openMs: number;
  readonly compileMs: number;
  /** Estimate of the peak, in bytes. */
  readonly memoryBytes: number;
  /** Builds the episodes of a block; the caller owns them. */
  buildEpisodes(request: EpisodeRequest): Promise<EpisodeArrays>;
  /** Computes a block; takes the job's episodes over. */
  compute(job: BlockJob): Promise<BlockResult>;
  /** What still runs is lost. */
  close(): Promise<void>;
}
