import * as tf from "@tensorflow/tfjs-core";
import { type Graph, type NamedSpec, simplify, type TensorSpec } from "./graph.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { GraphError } from "./graph-error.ts";
import { type KernelAttributes, refused } from "./kernels/lowering.ts";
import { randomOps, randomReason, refusedKernels } from "./kernels/refused.ts";
import { captureKernels } from "./kernels.ts";
import type { ConstantData, Dtype, Node, Shape } from "./node.ts";
import { flattenTree, type MapTree, type Tree, unflattenTree } from "./tree.ts";

const BACKEND = "shoal-capture";

/** One capture in progress: the graph that grows, and which node each tensor stands for. */
interface Capture {
  readonly builder: GraphBuilder;
  readonly nodes: WeakMap<object, Node>;
  readonly largeConstants: Shape[];
}

let current: Capture | null = null;

/** A captured constant of more values than this is named in `Graph.largeConstants`. */
const LARGE_CONSTANT_SIZE = 65_536;

/**
 * Records the TensorFlow.js ops of `fn` as a static graph, without computing them.
 *
 * `fn` is called once, with tensors that have a shape but no values. Reading a value (`dataSync`)
 * throws, and so does an op that has no lowering. Concrete tensors that enter become constants.
 *
 * @param specs one tree of shapes per argument of `fn`
 * @throws {GraphError} E_CAPTURE, naming the op or the read that a static graph cannot hold
 */
export function capture<Args extends unknown[]>(
  fn: (...args: Args) => Tree<tf.Tensor>,
  ...specs: { [K in keyof Args]: MapTree<Args[K], tf.Tensor, TensorSpec> }
): Graph {
  if (current !== null) throw new GraphError("E_CAPTURE", "capture: a capture is in progress already");
  const backendBefore = tf.engine().backendName;
  registerOnce();
  current = { builder: new GraphBuilder(), nodes: new WeakMap(), largeConstants: [] };
  // setBackend does its work before its first await: a capture backend needs no initialization.
  void tf.setBackend(BACKEND);
  tf.engine().startScope();
  try {
    const leaves = flattenTree<TensorSpec>(specs as Tree<TensorSpec>, isTensorSpec);
    const inputs: NamedSpec[] = leaves.map(({ path, leaf }) => ({
      name: path,
      shape: leaf.shape,
      dtype: leaf.dtype,
    }));
    const tensors = inputs.map(({ name, shape, dtype }, index) =>
      tensorOf(builder().input(name, index, shape, dtype)),
    );
    const results = fn(
      ...(unflattenTree<TensorSpec, tf.Tensor>(
        specs as Tree<TensorSpec>,
        isTensorSpec,
        tensors,
      ) as unknown as Args),
    );
    const outputs = flattenTree<tf.Tensor>(results, isTensor);
    const nodes = outputs.map(({ leaf }) => nodeOf(leaf));
    return simplify({
      inputs,
      outputs: outputs.map(({ path }, i) => ({ name: path, shape: nodes[i]!.shape, dtype: nodes[i]!.dtype })),
      results: nodes,
      largeConstants: current.largeConstants,
    });
  } catch (error) {
    throw nameUnknownKernel(error);
  } finally {
    tf.engine().endScope();
    current = null;
    if (backendBefore !== undefined && backendBefore !== null) void tf.setBackend(backendBefore);
  }
}

/** The builder of the capture in progress. */
export function builder(): GraphBuilder {
  return active().builder;
}

/** The node that a tensor stands for; a tensor of another backend becomes a constant. */
export function nodeOf(tensor: tf.Tensor | tf.TensorInfo): Node {
  const capture = active();
  const known = capture.nodes.get(tensor.dataId);
  if (known !== undefined) {
    return known.dtype === tensor.dtype ? capture.builder.reshape(known, tensor.shape) : known;
  }
  if (!(tensor instanceof tf.Tensor))
    throw new GraphError("E_CAPTURE", "capture: a tensor of unknown origin entered");
  const node = constantOf(tensor.dataSync(), tensor.shape, tensor.dtype);
  capture.nodes.set(tensor.dataId, node);
  return node;
}

/** A tensor, without values, that stands for `node`. */
export function tensorOf(node: Node): tf.Tensor {
  return tf.engine().makeTensorFromTensorInfo(infoOf(node), tf.engine().backend);
}

export function isTensor(value: unknown): value is tf.Tensor {
  return value instanceof tf.Tensor;
}

function isTensorSpec(value: unknown): value is TensorSpec {
  return typeof value === "object" && value !== null && "dtype" in value && typeof value.dtype === "string";
}

function active(): Capture {
  if (current === null) {
    throw new GraphError(
      "E_CAPTURE",
      "a captured function was used outside of capture; call it inside capture(...), then compile the graph",
    );
  }
  return current;
}

function infoOf(node: Node): tf.TensorInfo {
  const dataId = {};
  active().nodes.set(dataId, node);
  return { dataId, shape: [...node.shape], dtype: node.dtype };
}

function constantOf(
  values: tf.backend_util.BackendValues,
  shape: readonly number[],
  dtype: tf.DataType,
): Node {
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
    throw new GraphError("E_CAPTURE", `capture: expected float32, int32 or bool tensors, got ${dtype}`);
  }
  const data = values as ConstantData;
  const node = builder().constant(data.slice(), shape, dtype as Dtype);
  if (node.op === "constant" && data.length > LARGE_CONSTANT_SIZE) active().largeConstants.push(shape);
  return node;
}

let registered = false;

/** Registers the backend and its kernels; a kernel that has no lowering throws and says what to use instead. */
function registerOnce(): void {
  if (registered) return;
  registered = true;
  tf.registerBackend(BACKEND, () => new CaptureBackend(), 0);
  for (const [kernelName, lower] of Object.entries(captureKernels)) {
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) => {
        const nodes = Object.fromEntries(
          Object.entries(inputs).flatMap(([name, tensor]) =>
            tensor === undefined || tensor === null ? [] : [[name, nodeOf(tensor as tf.TensorInfo)]],
          ),
        );
        const result = lower(builder(), nodes, (attrs ?? {}) as unknown as KernelAttributes);
        return Array.isArray(result) ? result.map(infoOf) : infoOf(result);
      },
    });
  }
  for (const [kernelName, reason] of refusedKernels) {
    tf.registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: () => {
        throw refused(kernelName, reason);
      },
    });
  }
}

/** Names a kernel that neither table holds: one of another release of TensorFlow.js, or a user's own. */
export function nameUnknownKernel(error: unknown): unknown {
  const kernel = error instanceof Error ? /^Kernel '(.+)' not registered/.exec(error.message) : null;
  if (kernel === null) return error;
  const message = `capture: ${kernel[1]} is unknown to capture; write it with ops that docs/ops.md lists`;
  return new GraphError("E_CAPTURE", message, { cause: error });
}

/** Random ops draw in JavaScript and write the values: refused by the scope that TensorFlow.js opens per op. */
function refuseRandomOps(): void {
  for (const { name } of tf.engine().state.scopeStack) {
    const op = name.replace(/__op$/, "");
    if (randomOps.has(op)) throw refused(`tf.${op}`, randomReason);
  }
}

/** A TensorFlow.js backend that keeps shapes and no values. */
class CaptureBackend extends tf.KernelBackend {
  override write(values: tf.backend_util.BackendValues, shape: number[], dtype: tf.DataType): object {
    refuseRandomOps();
    const dataId = {};
    active().nodes.set(dataId, constantOf(values, shape, dtype));
    return dataId;
  }

  override readSync(): never {
    throw new GraphError(
      "E_CAPTURE",
      "capture: a value was read (dataSync, arraySync or print); a static graph has no values, so control flow " +
        "must not depend on data: use tf.where",
    );
  }

  override async read(): Promise<never> {
    return this.readSync();
  }

  override numDataIds(): number {
    return 0;
  }

  override disposeData(): boolean {
    return true;
  }

  override incRef(): void {}

  override refCount(): number {
    return 1;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {}
}
