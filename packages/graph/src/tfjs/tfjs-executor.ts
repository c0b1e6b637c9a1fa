import * as tf from "@tensorflow/tfjs-core";
import { checkInput } from "../check-input.ts";
import type { Executable } from "../executable.ts";
import type { Graph } from "../graph.ts";
import { GraphError } from "../graph-error.ts";
import { type Node, topologicalOrder } from "../node.ts";
import { lower } from "../passes/lower.ts";
import { computeNode } from "./tfjs-rules.ts";

/** One node to compute, and the values that nobody needs after it. */
interface Step {
  readonly node: Node;
  readonly lastUses: readonly Node[];
}

/**
 * Runs a graph op by op on a registered TensorFlow.js backend, forward only.
 *
 * A run costs one call of TensorFlow.js per node, some microseconds each, so this suits large tensors and
 * devices that no other executor reaches. Every value is freed after its last use; constants stay on the
 * device until `close`. The ops of a run are issued in one synchronous stretch, and the backend that was
 * current before is current again after it, so runs and captures never mix.
 *
 * @param device what the executable and its errors call themselves
 * @throws {GraphError} E_DEVICE if no such backend is registered or it does not start
 */
export async function compileTfjs(
  graph: Graph,
  backend: string,
  device = `tfjs:${backend}`,
): Promise<Executable> {
  await openBackend(backend, device);
  const { results } = lower(graph);
  const steps = planSteps(results);
  const constants = onBackend(backend, () => uploadConstants(steps));
  return {
    device,
    inputs: graph.inputs,
    outputs: graph.outputs,
    async run(inputs) {
      const data = graph.inputs.map((spec, k) => checkInput(spec, inputs[k]));
      const values = new Map(constants);
      try {
        onBackend(backend, () => {
          for (const { node, lastUses } of steps) {
            if (node.op === "constant") continue;
            values.set(node, compute(node, values, data));
            for (const used of lastUses) dispose(values, used);
          }
        });
        const read = await Promise.all(results.map((result) => values.get(result)!.data()));
        // A backend may hand out its own array, or the caller's: the results are the caller's alone.
        return read.map((array) => array.slice());
      } finally {
        for (const node of values.keys()) dispose(values, node);
      }
    },
    async close() {
      for (const tensor of constants.values()) tensor.dispose();
      constants.clear();
    },
  };
}

async function openBackend(backend: string, device: string): Promise<void> {
  if (tf.findBackendFactory(backend) === null) {
    throw new GraphError(
      "E_DEVICE",
      `${device}: expected a registered TensorFlow.js backend, got "${backend}"; import the package that ` +
        "registers it before compile",
    );
  }
  const before = tf.engine().backendName;
  const opened = await tf.setBackend(backend);
  restoreBackend(before);
  if (!opened) throw new GraphError("E_DEVICE", `${device}: the TensorFlow.js backend does not start here`);
}

/** Runs `f` with `backend` current. Setting a backend that has started completes synchronously. */
function onBackend<T>(backend: string, f: () => T): T {
  const before = tf.engine().backendName;
  void tf.setBackend(backend);
  try {
    return f();
  } finally {
    restoreBackend(before);
  }
}

function restoreBackend(before: string | null | undefined): void {
  if (before !== undefined && before !== null) void tf.setBackend(before);
}

/** Inputs before users, each with the inputs that it is the last to use. */
function planSteps(results: readonly Node[]): Step[] {
  const order = topologicalOrder(results);
  const kept = new Set(results);
  const steps: Step[] = [];
  for (const node of order.toReversed()) {
    const lastUses = [...new Set(node.inputs)].filter((input) => !kept.has(input));
    for (const input of lastUses) kept.add(input);
    steps.push({ node, lastUses: lastUses.filter(({ op }) => op !== "constant") });
  }
  return steps.reverse();
}

function uploadConstants(steps: readonly Step[]): Map<Node, tf.Tensor> {
  const constants = new Map<Node, tf.Tensor>();
  for (const { node } of steps) {
    if (node.op !== "constant") continue;
    constants.set(node, tf.tensor(node.attributes.data, [...node.shape], node.dtype));
  }
  return constants;
}

function compute(
  node: Node,
  values: ReadonlyMap<Node, tf.Tensor>,
  data: readonly (Float32Array | Int32Array | Uint8Array)[],
): tf.Tensor {
  if (node.op === "input") return tf.tensor(data[node.attributes.index]!, [...node.shape], node.dtype);
  return computeNode(
    node,
    node.inputs.map((input) => values.get(input)!),
  );
}

/** Constants stay. */
function dispose(values: Map<Node, tf.Tensor>, node: Node): void {
  if (node.op === "constant") return;
  values.get(node)!.dispose();
  values.delete(node);
}
