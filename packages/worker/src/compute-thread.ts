import { workerData } from "node:worker_threads";
import {
  type Experiment,
  evaluateProgram,
  type LeafProgram,
  parseExperiment,
  trainProgram,
} from "@shoal/core";
import { ReductionTree } from "@shoal/core/outer";
import { capture, compile, type Executable, estimateMemory, type NumericArray } from "@shoal/graph";
import type { BlockJob, BlockResult, SourceShapes } from "./block-job.ts";
import { taskShapes } from "./block-job.ts";
import { moving, replyOf, type ThreadReply } from "./thread-reply.ts";

/**
 * A compute thread: one compiled graph per program on one device, and the leaves of one block at a time.
 *
 * Every leaf runs the same graph on one thread, and a block's leaves are summed by the reduction tree, so
 * the bits do not depend on which thread, process or machine computes the block.
 */

export interface ComputeThreadData {
  readonly experiment: unknown;
  readonly shapes: SourceShapes;
  /** Name of the device, as `compile` of the graph package takes it. */
  readonly device: string;
}

export type ComputeTask = { readonly type: "compile" } | ({ readonly type: "block" } & BlockJob);

/** What compiling took, in ms, what computing will, and the size of the model. */
export interface Compiled {
  readonly compileMs: number;
  /** Estimate of this thread's peak. */
  readonly memoryBytes: number;
  readonly paramCount: number;
}

interface CompiledProgram {
  readonly program: LeafProgram;
  readonly executable: Executable;
  readonly memoryBytes: number;
}

const data = workerData as ComputeThreadData;
const programs = new Map<string, Promise<CompiledProgram>>();
/** The parameters that this thread has copied last, out of shared memory. */
let local: { readonly version: number; readonly params: Float32Array } | null = null;

export default async function run(task: ComputeTask): Promise<ThreadReply<Compiled | BlockResult>> {
  if (task.type === "compile") return replyOf(compileAll);
  return moving(await replyOf(() => computeBlock(task)), ({ body }) => [body]);
}

async function compileAll(): Promise<Compiled> {
  const started = performance.now();
  const train = await programFor("train", "train");
  const evaluate = await programFor("evaluate", "test");
  return {
    compileMs: performance.now() - started,
    // Both sessions keep what they once had.
    memoryBytes: train.memoryBytes + evaluate.memoryBytes,
    paramCount: train.program.layout.size,
  };
}

/** The compiled program of a kind; splits with episodes of the same shape share one. */
function programFor(kind: "train" | "evaluate", split: BlockJob["split"]): Promise<CompiledProgram> {
  const key = `${kind} ${JSON.stringify(data.shapes.specs[split])}`;
  const known = programs.get(key);
  if (known !== undefined) return known;
  const compiling = compileProgram(kind, split);
  programs.set(key, compiling);
  return compiling;
}

async function compileProgram(
  kind: "train" | "evaluate",
  split: BlockJob["split"],
): Promise<CompiledProgram> {
  const experiment: Experiment = parseExperiment(data.experiment);
  const shapes = taskShapes(data.shapes);
  const program =
    kind === "train" ? trainProgram(experiment, shapes) : evaluateProgram(experiment, shapes, split);
  const graph = capture(program.fn, ...program.specs);
  const executable = await compile(graph, { device: data.device });
  return { program, executable, memoryBytes: estimateMemory(graph) };
}

async function computeBlock(job: BlockJob): Promise<BlockResult> {
  const { program, executable } = await programFor(job.kind, job.split);
  const started = performance.now();
  const { layout, statNames } = program;
  const params = paramsOf(job);
  const views = layout.entries.map(({ offset, size }) => params.subarray(offset, offset + size));
  const statCount = statNames.length;
  const statsAt = executable.outputs.findIndex(({ name }) => name === "stats");
  const scheduled = program.scheduledAt(job.version);
  const leafStats = executable.outputs[statsAt]!.shape[0]! * statCount;
  const gradientAt = layout.entries.map((entry) =>
    executable.outputs.findIndex(({ name }) => name === `gradient/${entry.name}`),
  );
  const isTrain = job.kind === "train";
  const statsSize = leafStats * job.leafCount;
  const body = new Float32Array(statsSize + (isTrain ? layout.size : 0));
  const tree = isTrain ? new ReductionTree(job.leafCount, layout.size) : null;
  for (let leaf = 0; leaf < job.leafCount; leaf++) {
    const outputs = await executable.run([...views, ...leafArrays(job, leaf), ...scheduled]);
    body.set(outputs[statsAt] as Float32Array, leaf * leafStats);
    if (tree === null) continue;
    const gradient = new Float32Array(layout.size);
    layout.entries.forEach(({ offset }, k) => {
      gradient.set(outputs[gradientAt[k]!] as Float32Array, offset);
    });
    tree.add({ level: 0, index: leaf }, gradient);
  }
  if (tree !== null) body.set(tree.root(), statsSize);
  return { body, taskCount: statsSize / statCount, statCount, computeMs: performance.now() - started };
}

/** The episodes of one leaf, as views: support x and y, query x and y. */
function leafArrays({ episodes, leafCount }: BlockJob, leaf: number): NumericArray[] {
  return [episodes.supportX, episodes.supportY, episodes.queryX, episodes.queryY].map((array) => {
    const size = array.length / leafCount;
    return array.subarray(leaf * size, (leaf + 1) * size);
  });
}

/** The job's parameters in this thread's memory: ONNX Runtime takes no shared memory. */
function paramsOf({ version, params }: BlockJob): Float32Array {
  if (local?.version !== version) local = { version, params: new Float32Array(params).slice() };
  return local.params;
}
