import type { GraphBuilder } from "./graph-builder.ts";
import type { Node, Shape } from "./node.ts";

/** The same node over other inputs, simplified anew: how a pass rebuilds a graph. */
export function rebuildNode(builder: GraphBuilder, node: Node, inputs: readonly Node[]): Node {
  const [a, b, c] = inputs as [Node, Node, Node];
  const sides = (shape: Shape): [number, number] => [shape.at(-3)!, shape.at(-2)!];
  switch (node.op) {
    case "input":
      return builder.input(node.attributes.name, node.attributes.index, node.shape, node.dtype);
    case "constant":
      return builder.constant(node.attributes.data, node.shape, node.dtype);
    case "variable":
      return builder.variable(a);
    case "stopGradient":
      return builder.stopGradient(a);
    case "add":
    case "sub":
    case "mul":
    case "div":
    case "max":
    case "min":
    case "pow":
      return builder.binary(node.op, a, b);
    case "equal":
    case "less":
    case "lessEqual":
      return builder.compare(node.op, a, b);
    case "and":
    case "or":
      return builder.logical(node.op, a, b);
    case "not":
      return builder.not(a);
    case "select":
      return builder.select(a, b, c);
    case "cast":
      return builder.cast(a, node.attributes.to);
    case "reshape":
      return builder.reshape(a, node.shape);
    case "transpose":
      return builder.transpose(a, node.attributes.permutation);
    case "broadcast":
      return builder.broadcast(a, node.shape);
    case "reduceSum":
      return builder.reduceSum(a, node.attributes.axes);
    case "reduceMax":
      return builder.reduceMax(a, node.attributes.axes);
    case "argMax":
      return builder.argMax(a, node.attributes.axis);
    case "slice":
      return builder.slice(a, node.attributes.begin, node.shape);
    case "pad":
      return builder.pad(a, node.attributes.before, node.shape);
    case "concat":
      return builder.concat(inputs, node.attributes.axis);
    case "gather":
      return builder.gather(a, b, node.attributes.axis, node.attributes.copy === undefined);
    case "scatterAdd":
      return builder.scatterAdd(a, b, node.attributes.axis, node.attributes.size);
    case "matMul":
      return builder.matMul(a, b, node.attributes.transposeA, node.attributes.transposeB);
    case "conv":
      return builder.conv(a, b, node.attributes.window, sides(node.shape));
    case "convInputGrad":
      return builder.convInputGrad(a, b, node.attributes.window, sides(node.shape));
    case "convFilterGrad":
      return builder.convFilterGrad(a, b, node.attributes.window);
    case "poolSelect":
      return builder.poolSelect(a, b, node.attributes.window, sides(node.shape));
    case "poolScatter":
      return builder.poolScatter(a, b, node.attributes.window);
    default:
      return builder.unary(node.op, a);
  }
}
