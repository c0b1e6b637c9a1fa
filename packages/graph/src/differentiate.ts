import { gradientRules } from "./gradient-rules.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { GraphError } from "./graph-error.ts";
import { type Node, topologicalOrder } from "./node.ts";

/**
 * Reverse-mode gradients of the scalar `value` with respect to `variables`, as nodes of the same graph.
 *
 * Only nodes on a path from a variable to the value are visited. Cotangents are added in reverse
 * topological order, so the graph, and with it every rounding, is a function of the program alone.
 */
export function differentiate(b: GraphBuilder, value: Node, variables: readonly Node[]): Node[] {
  if (value.shape.length !== 0 || value.dtype !== "float32") {
    throw new GraphError(
      "E_GRADIENT",
      `grad: expected a scalar float32 to differentiate, got ${value.dtype} [${value.shape}]; reduce it with tf.mean or tf.sum`,
    );
  }
  const order = topologicalOrder([value]);
  const active = new Set<Node>(variables);
  for (const node of order) {
    if (node.dtype === "float32" && node.inputs.some((input) => active.has(input))) active.add(node);
  }
  const cotangents = new Map<Node, Node>([[value, b.splat(1)]]);
  for (const node of order.reverse()) {
    const dy = cotangents.get(node);
    if (dy === undefined || !active.has(node)) continue;
    const rule = gradientRules[node.op] as (y: Node, dy: Node) => ReturnType<typeof gradientRules.add>;
    rule(node, dy).forEach((cotangent, i) => {
      const input = node.inputs[i]!;
      if (cotangent === null || !active.has(input)) return;
      const flowing = cotangent(b);
      const before = cotangents.get(input);
      cotangents.set(input, before === undefined ? flowing : b.binary("add", before, flowing));
    });
  }
  return variables.map((variable) => cotangents.get(variable) ?? b.splat(0, variable.shape));
}
