import { GraphBuilder } from "./graph-builder.ts";
import { type Dtype, type Node, type Shape, topologicalOrder } from "./node.ts";
import { rebuildNode } from "./rebuild-node.ts";

/** Shape and dtype of one tensor. */
export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

/** A tensor at a graph's door, with its path in the arguments or results: `0/conv1.weights`. */
export interface NamedSpec extends TensorSpec {
  readonly name: string;
}

/** A static program: every shape known, no control flow. Made by `capture`, run by `compile`. */
export interface Graph {
  readonly inputs: readonly NamedSpec[];
  readonly outputs: readonly NamedSpec[];
  /** One node per output, in order. */
  readonly results: readonly Node[];
  /** Shapes of the concrete tensors of more than 65,536 values that entered and are stored in the graph. */
  readonly largeConstants: readonly Shape[];
}

/** Rebuilds every node of a graph through `rule`; nodes that lead to no result fall away. */
export function mapGraph(
  graph: Graph,
  rule: (builder: GraphBuilder, node: Node, inputs: readonly Node[]) => Node,
): Graph {
  const builder = new GraphBuilder();
  const rebuilt = new Map<Node, Node>();
  for (const node of topologicalOrder(graph.results)) {
    rebuilt.set(
      node,
      rule(
        builder,
        node,
        node.inputs.map((input) => rebuilt.get(input)!),
      ),
    );
  }
  return { ...graph, results: graph.results.map((result) => rebuilt.get(result)!) };
}

/**
 * Takes out the marks that only differentiation needs, and merges what they kept apart.
 *
 * A `variable` and the value it stands for become one node, so what the outer function computed
 * from the value and what the inner one computed from the variable is computed once.
 */
export function simplify(graph: Graph): Graph {
  return mapGraph(graph, (builder, node, inputs) =>
    node.op === "variable" || node.op === "stopGradient" ? inputs[0]! : rebuildNode(builder, node, inputs),
  );
}
