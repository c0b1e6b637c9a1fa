import type * as tf from "@tensorflow/tfjs-core";
import { batchingRules, type Mapped } from "./batching-rules.ts";
import { builder, isTensor, nodeOf, tensorOf } from "./capture.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { GraphError } from "./graph-error.ts";
import { type Node, topologicalOrder } from "./node.ts";
import { flattenTree, type Tree, unflattenTree } from "./tree.ts";

/**
 * Maps `f`, a function of one example, over the leading axis of its arguments: one graph for all of them.
 *
 * Works under `capture` only, and composes with `grad` in both orders.
 *
 * @param axes for each argument: 0 if its tensors hold one slice per example along axis 0; null if all
 *   examples share it. At least one is 0.
 * @returns a function like `f` whose results have a leading axis of examples
 * @throws {GraphError} E_SHAPE if the leading axes differ in size
 */
export function vmap<Args extends Tree<tf.Tensor>[], R extends Tree<tf.Tensor>>(
  f: (...args: Args) => R,
  axes: { readonly [K in keyof Args]: 0 | null },
): (...args: Args) => R {
  return (...args) => {
    const b = builder();
    const size = batchSize(args, axes);
    const mapped = new Map<Node, Mapped>();
    const examples = args.map((arg, i) => {
      if (axes[i] === null) return arg;
      const leaves = flattenTree<tf.Tensor>(arg, isTensor).map(({ leaf }) => {
        // Stands for one example while f is captured; only its shape and identity matter.
        const batch = nodeOf(leaf);
        const first = b.slice(
          batch,
          batch.shape.map(() => 0),
          [1, ...batch.shape.slice(1)],
        );
        const example = b.variable(b.reshape(first, batch.shape.slice(1)));
        mapped.set(example, { node: batch, batched: true });
        return tensorOf(example);
      });
      return unflattenTree<tf.Tensor, tf.Tensor>(arg, isTensor, leaves);
    }) as Args;
    const result = f(...examples);
    const outputs = flattenTree<tf.Tensor>(result, isTensor).map(({ leaf }) => nodeOf(leaf));
    mapNodes(b, outputs, mapped, size);
    const batched = outputs.map((output) => {
      const found = mapped.get(output)!;
      // A result that no mapped argument reaches is the same for every example.
      const node = found.batched
        ? found.node
        : b.broadcast(b.reshape(found.node, [1, ...found.node.shape]), [size, ...found.node.shape]);
      return tensorOf(node);
    });
    return unflattenTree<tf.Tensor, tf.Tensor>(result, isTensor, batched) as R;
  };
}

/** Extends `mapped` to everything that `outputs` need. */
function mapNodes(b: GraphBuilder, outputs: readonly Node[], mapped: Map<Node, Mapped>, size: number): void {
  for (const node of topologicalOrder(outputs)) {
    if (mapped.has(node)) continue;
    const inputs = node.inputs.map((input) => mapped.get(input)!);
    if (!inputs.some(({ batched }) => batched)) {
      mapped.set(node, { node, batched: false });
      continue;
    }
    const rule = batchingRules[node.op] as (
      b: GraphBuilder,
      y: Node,
      inputs: readonly Mapped[],
      size: number,
    ) => Node;
    mapped.set(node, { node: rule(b, node, inputs, size), batched: true });
  }
}

function batchSize(args: readonly Tree<tf.Tensor>[], axes: readonly (0 | null)[]): number {
  const sizes = args.flatMap((arg, i) =>
    axes[i] === null ? [] : flattenTree<tf.Tensor>(arg, isTensor).map(({ leaf }) => leaf.shape[0]),
  );
  const [size] = sizes;
  if (size === undefined || sizes.some((other) => other !== size)) {
    throw new GraphError(
      "E_SHAPE",
      `vmap: expected leading axes of one size, got ${sizes.join(", ") || "none"}`,
    );
  }
  return size;
}
