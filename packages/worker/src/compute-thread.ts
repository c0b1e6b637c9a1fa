import { workerData } from "node:worker_threads";
import { ReductionTree, roundToBfloat16 } from "@shoal/core/outer";
import {
  type Executable,
  type NumericArray,
  openGraph,
  parseDevice,
  type SerializedGraph,
  type Target,
  targetOf,
} from "@shoal/graph/run";
import type { BlockJob, BlockResult } from "./block-job.ts";
import { describeRequest, type LeafGraph } from "./leaf-graph.ts";
import { START_MS_MAX } from "./limits.ts";
import { callNative, type NativeCalls } from "./native-calls.ts";
import { arrive, type Rendezvous } from "./rendezvous.ts";
import { throwIfRaised } from "./stop-flag.ts";
import { moving, replyOf, type ThreadReply } from "./thread-reply.ts";

/**
 * A compute thread: one executable per leaf function on one device, and the leaves of one block at a time.
 *
 * Every leaf runs the same graph on one thread, and a block's leaves are summed by the reduction tree, so
 * the bits do not depend on which thread, process or machine computes the block.
 */

export interface ComputeThreadData {
  /** Name of the device, as `compile` of the graph package takes it. */
  readonly device: string;
  /** Shared with whoever ends this thread. */
  readonly calls: NativeCalls;
}

export type ComputeTask =
  /** Waits for the other threads to start; then, what graphs must be serialized for to run here. */
  | { readonly type: "start"; readonly threads: number; readonly rendezvous: Rendezvous }
  | { readonly type: "open"; readonly leaves: readonly LeafGraph[] }
  | ({
      readonly type: "block";
      /** The graph of each shape of the block's episodes: of the only one, 0. */
      readonly leaves: ReadonlyMap<number, LeafGraph>;
      /** What the gradient of each leaf is rounded to before it is summed. */
      readonly wire: "f32" | "bf16";
    } & BlockJob);

const data = workerData as ComputeThreadData;
const leaves = new Map<string, Promise<OpenLeaf>>();
/** The parameters that this thread has copied last, out of shared memory. */
let local: { readonly version: number; readonly params: Float32Array } | null = null;

export default async function run(task: ComputeTask): Promise<ThreadReply<Target | BlockResult | null>> {
  if (task.type === "start") {
    // Else a thread that is quick would take the tasks of those that are still loading.
    arrive(task.rendezvous, task.threads, START_MS_MAX);
    return replyOf(() => callNative(data.calls, () => targetOf(parseDevice(data.device))));
  }
  if (task.type === "open") {
    return replyOf(async () => {
      for (const leaf of task.leaves) await openOnce(leaf);
      return null;
    });
  }
  return moving(await replyOf(() => computeBlock(task.leaves, task, task.wire)), ({ body }) => [body]);
}

/** A leaf function, ready to run. */
interface OpenLeaf {
  readonly executable: Executable;
  /** The inputs that the algorithm computes from the version. */
  readonly scheduledAt: (version: number) => readonly Float32Array[];
}

function openOnce(leaf: LeafGraph): Promise<OpenLeaf> {
  const key = describeRequest(leaf.request);
  const known = leaves.get(key);
  if (known !== undefined) return known;
  const opening = open(leaf);
  leaves.set(key, opening);
  return opening;
}

async function open({ graph, request, isScheduled }: LeafGraph): Promise<OpenLeaf> {
  if (graph !== null && !isScheduled) return { executable: await openShared(graph), scheduledAt: () => [] };
  // TensorFlow.js and the models are loaded only where a device or an algorithm needs them.
  const { compileProgram, programOf } = await import("./leaf-program.ts");
  const program = programOf(request);
  return {
    executable:
      graph === null
        ? await callNative(data.calls, () => compileProgram(program, data.device))
        : await openShared(graph),
    scheduledAt: program.scheduledAt,
  };
}

/** ONNX Runtime takes no shared memory. */
function openShared(graph: SerializedGraph): Promise<Executable> {
  return callNative(data.calls, () => openGraph({ ...graph, model: graph.model.slice() }, data.device));
}

async function computeBlock(
  graphs: ReadonlyMap<number, LeafGraph>,
  job: BlockJob,
  wire: "f32" | "bf16",
): Promise<BlockResult> {
  // One after the other: a thread that opens two at once would need the memory of both.
  const runs = new Map<number, LeafRun>();
  for (const [variant, graph] of graphs) runs.set(variant, runOf(graph, await openOnce(graph), job));
  const started = performance.now();
  const { layout, statNames } = graphs.values().next().value!;
  const statCount = statNames.length;
  const params = paramsOf(job);
  const views = layout.entries.map(({ offset, size }) => params.subarray(offset, offset + size));
  const { variants } = job.episodes;
  const tasksPerLeaf = variants === undefined ? 0 : variants.length / job.leafCount;
  const isTrain = job.kind === "train";
  const tree = isTrain ? new ReductionTree(job.leafCount, layout.size) : null;
  const rows: Float32Array[] = [];
  const offsets = [0, 0, 0, 0, 0];
  for (let leaf = 0; leaf < job.leafCount; leaf++) {
    if (job.stop !== undefined) throwIfRaised(job.stop);
    const { executable, sizes, arrays, scheduled, statsAt, gradientAt } = runs.get(
      variants?.[leaf * tasksPerLeaf] ?? 0,
    )!;
    const episodes = arrays.map((array, k) => {
      const start = offsets[k]!;
      offsets[k] = start + sizes[k]!;
      return array.subarray(start, offsets[k]);
    });
    const outputs = await callNative(data.calls, () => executable.run([...views, ...episodes, ...scheduled]));
    rows.push(outputs[statsAt] as Float32Array);
    if (tree === null) continue;
    const gradient = new Float32Array(layout.size);
    layout.entries.forEach(({ offset }, k) => {
      gradient.set(outputs[gradientAt[k]!] as Float32Array, offset);
    });
    if (wire === "bf16") roundToBfloat16(gradient);
    tree.add({ level: 0, index: leaf }, gradient);
  }
  const statsSize = rows.reduce((sum, { length }) => sum + length, 0);
  const body = new Float32Array(statsSize + (isTrain ? layout.size : 0));
  rows.forEach((row, leaf) => {
    body.set(row, leaf * row.length);
  });
  if (tree !== null) body.set(tree.root(), statsSize);
  return { body, taskCount: statsSize / statCount, statCount, computeMs: performance.now() - started };
}

/** What the leaves of one shape need of a block. */
interface LeafRun {
  readonly executable: Executable;
  /** The block's support x and y, query x and y, and what the outputs stand for. */
  readonly arrays: readonly NumericArray[];
  /** How much of each one leaf takes. */
  readonly sizes: readonly number[];
  readonly scheduled: readonly Float32Array[];
  /** Places among the outputs. */
  readonly statsAt: number;
  readonly gradientAt: readonly number[];
}

function runOf(
  { layout, readsIdentities, request }: LeafGraph,
  { executable, scheduledAt }: OpenLeaf,
  { episodes, leafCount, split, version }: BlockJob,
): LeafRun {
  const { supportX, supportY, queryX, queryY, identities, variants } = episodes;
  const arrays = [supportX, supportY, queryX, queryY, ...(readsIdentities ? [identities!] : [])];
  const { support, query } = request.shapes.specs[split];
  const specs = [support.x, support.y, query.x, query.y];
  const { tasksPerLeaf } = request.experiment;
  const sizes =
    variants === undefined
      ? arrays.map((array) => array.length / leafCount)
      : specs.map(({ shape }) => shape.reduce((product, side) => product * side, tasksPerLeaf));
  const placeOf = (output: string): number => executable.outputs.findIndex(({ name }) => name === output);
  return {
    executable,
    arrays,
    sizes,
    scheduled: scheduledAt(version),
    statsAt: placeOf("stats"),
    gradientAt: layout.entries.map(({ name }) => placeOf(`gradient/${name}`)),
  };
}

/** The job's parameters in this thread's memory: ONNX Runtime takes no shared memory. */
function paramsOf({ version, params }: BlockJob): Float32Array {
  if (local?.version !== version) local = { version, params: new Float32Array(params).slice() };
  return local.params;
}
