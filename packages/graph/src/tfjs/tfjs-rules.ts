import * as tf from "@tensorflow/tfjs-core";
import { GraphError } from "../graph-error.ts";
import { type Node, type NodeOf, sizeOf } from "../node.ts";

const ops = { ...tf };

/**
 * The value of one node of a lowered graph (`passes/lower.ts`), by ops of TensorFlow.js.
 *
 * A new tensor, which the caller owns; `inputs` are neither changed nor disposed. Runs on the current
 * backend. Inputs and constants are not computed: they enter from outside.
 */
export function computeNode(node: Node, inputs: readonly tf.Tensor[]): tf.Tensor {
  const [a, b, c] = inputs as [tf.Tensor, tf.Tensor, tf.Tensor];
  switch (node.op) {
    case "variable":
    case "stopGradient":
      return tf.clone(a);
    case "add":
      return tf.add(a, b);
    case "sub":
      return tf.sub(a, b);
    case "mul":
      return tf.mul(a, b);
    case "div":
      return tf.div(a, b);
    case "max":
      return tf.maximum(a, b);
    case "min":
      return tf.minimum(a, b);
    case "pow":
      return tf.pow(a, b);
    case "equal":
      return tf.equal(a, b);
    case "less":
      return tf.less(a, b);
    case "lessEqual":
      return tf.lessEqual(a, b);
    case "and":
      return tf.logicalAnd(a, b);
    case "or":
      return tf.logicalOr(a, b);
    case "not":
      return tf.logicalNot(a);
    case "select":
      return tf.where(a, b, c);
    case "cast":
      return tf.cast(a, node.attributes.to);
    case "reshape":
      return tf.reshape(a, [...node.shape]);
    case "transpose":
      return tf.transpose(a, [...node.attributes.permutation]);
    case "broadcast":
      return tf.broadcastTo(a, [...node.shape]);
    case "reduceSum":
      return tf.sum(a, [...node.attributes.axes]);
    case "reduceMax":
      return tf.max(a, [...node.attributes.axes]);
    case "argMax":
      return tf.argMax(a, node.attributes.axis);
    case "slice":
      return tf.slice(a, [...node.attributes.begin], [...node.shape]);
    case "pad":
      return tf.pad(
        a,
        node.attributes.before.map((before, axis) => [before, node.shape[axis]! - a.shape[axis]! - before]),
      );
    case "concat":
      return tf.concat([...inputs], node.attributes.axis);
    case "gather":
      return tf.gather(a, b, node.attributes.axis);
    case "scatterAdd":
      return scatterAdd(node, a, b);
    case "matMul":
      return tf.matMul(a, b, node.attributes.transposeA, node.attributes.transposeB);
    case "input":
    case "constant":
    case "conv":
    case "convInputGrad":
    case "convFilterGrad":
    case "poolSelect":
    case "poolScatter":
      throw new GraphError("E_DEVICE", `tfjs: the primitive ${node.op} must be lowered before`);
    default:
      // A unary primitive has the name of its op.
      return ops[node.op](a);
  }
}

/** `scatterND` adds whole rows, so the scattered axes are brought to the front, as one, and back. */
function scatterAdd(node: NodeOf<"scatterAdd">, values: tf.Tensor, index: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const { axis, size } = node.attributes;
    const outer = values.shape.slice(0, axis);
    const inner = values.shape.slice(axis + index.rank);
    const flat = tf.reshape(values, [sizeOf(outer), index.size, sizeOf(inner)]);
    const rows = tf.transpose(flat, [1, 0, 2]);
    const sum = tf.scatterND(tf.reshape(index, [index.size, 1]), rows, [size, sizeOf(outer), sizeOf(inner)]);
    return tf.reshape(tf.transpose(sum, [1, 0, 2]), [...node.shape]);
  });
}
