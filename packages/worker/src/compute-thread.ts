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
      readonly leaf: LeafGraph;
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
  return moving(await replyOf(() => computeBlock(task.leaf, task, task.wire)), ({ body }) => [body]);
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

async function computeBlock(leafGraph: LeafGraph, job: BlockJob, wire: "f32" | "bf16"): Promise<BlockResult> {
  const { executable, scheduledAt } = await openOnce(leafGraph);
  const started = performance.now();
  const { layout, statNames, readsIdentities } = leafGraph;
  const params = paramsOf(job);
  const views = layout.entries.map(({ offset, size }) => params.subarray(offset, offset + size));
  const statCount = statNames.length;
  const statsAt = executable.outputs.findIndex(({ name }) => name === "stats");
  const scheduled = scheduledAt(job.version);
  const leafStats = executable.outputs[statsAt]!.shape[0]! * statCount;
  const gradientAt = layout.entries.map((entry) =>
    executable.outputs.findIndex(({ name }) => name === `gradient/${entry.name}`),
  );
  const isTrain = job.kind === "train";
  const statsSize = leafStats * job.leafCount;
  const body = new Float32Array(statsSize + (isTrain ? layout.size : 0));
  const tree = isTrain ? new ReductionTree(job.leafCount, layout.size) : null;
  for (let leaf = 0; leaf < job.leafCount; leaf++) {
    if (job.stop !== undefined) throwIfRaised(job.stop);
    const inputs = [...views, ...leafArrays(job, leaf, readsIdentities), ...scheduled];
    const outputs = await callNative(data.calls, () => executable.run(inputs));
    body.set(outputs[statsAt] as Float32Array, leaf * leafStats);
    if (tree === null) continue;
    const gradient = new Float32Array(layout.size);
    layout.entries.forEach(({ offset }, k) => {
      gradient.set(outputs[gradientAt[k]!] as Float32Array, offset);
    });
    if (wire === "bf16") roundToBfloat16(gradient);
    tree.add({ level: 0, index: leaf }, gradient);
  }
  if (tree !== null) body.set(tree.root(), statsSize);
  return { body, taskCount: statsSize / statCount, statCount, computeMs: performance.now() - started };
}

/** The episodes of one leaf, as views: support x and y, query x and y, and what the outputs stand for. */
function leafArrays(
  { episodes, leafCount }: BlockJob,
  leaf: number,
  readsIdentities: boolean,
): NumericArray[] {
  const { supportX, supportY, queryX, queryY, identities } = episodes;
  const arrays = [supportX, supportY, queryX, queryY, ...(readsIdentities ? [identities!] : [])];
  return arrays.map((array) => {
    const size = array.length / leafCount;
    return array.subarray(leaf * size, (leaf + 1) * size);
  });
}

/** The job's parameters in this thread's memory: ONNX Runtime takes no shared memory. */
function paramsOf({ version, params }: BlockJob): Float32Array {
  if (local?.version !== version) local = { version, params: new Float32Array(params).slice() };
  return local.params;
}
