import type { GraphBuilder } from "../graph-builder.ts";
import { GraphError } from "../graph-error.ts";
import { type Node, sizeOf } from "../node.ts";

/** A tensor with a letter for each axis. */
interface Labelled {
  readonly node: Node;
  readonly labels: readonly string[];
}

/**
 * Einstein's sums of one or two operands, `"bij,bjk->bik"`: letters that the result lacks are summed.
 *
 * Letters of both operands and the result count examples, letters of both alone are contracted: together
 * one batched matrix product, between transpositions.
 *
 * @throws {GraphError} E_CAPTURE or E_SHAPE, where the equation is of another form or does not fit
 */
export function einsum(b: GraphBuilder, operands: readonly Node[], equation: string): Node {
  const [left, output, ...rest] = equation.replaceAll(/\s/g, "").split("->");
  const terms = left!.split(",");
  const isPlain = terms.every((term) => /^[a-zA-Z]*$/.test(term) && new Set(term).size === term.length);
  if (output === undefined || rest.length > 0 || !isPlain || terms.length > 2) {
    throw new GraphError(
      "E_CAPTURE",
      `capture: Einsum: expected one or two operands with a letter per axis, none twice, and an arrow, ` +
        `as in "ij,jk->ik", got "${equation}"; contract more operands pair by pair`,
    );
  }
  const [x, y] = terms.map((term, i) => labelled(operands[i], term.split(""), equation));
  const result = output.split("");
  if (x === undefined || terms.length !== operands.length) throw misfit(equation, operands);
  const summed = y === undefined ? sumTo(b, x, result) : contract(b, x, y, result, equation);
  return arranged(b, summed, result, equation);
}

function labelled(node: Node | undefined, labels: readonly string[], equation: string): Labelled {
  if (node === undefined || node.shape.length !== labels.length) throw misfit(equation, node ? [node] : []);
  return { node, labels };
}

function misfit(equation: string, operands: readonly Node[]): GraphError {
  const shapes = operands.map(({ shape }) => `[${shape}]`).join(" and ");
  return new GraphError("E_SHAPE", `einsum "${equation}": does not fit ${shapes || "its operands"}`);
}

/** Sums the letters that are not in `kept`. */
function sumTo(b: GraphBuilder, x: Labelled, kept: readonly string[]): Labelled {
  const gone = x.labels.flatMap((label, axis) => (kept.includes(label) ? [] : [axis]));
  return { node: b.reduceSum(x.node, gone), labels: x.labels.filter((label) => kept.includes(label)) };
}

function contract(
  b: GraphBuilder,
  left: Labelled,
  right: Labelled,
  output: readonly string[],
  equation: string,
): Labelled {
  const x = sumTo(b, left, [...right.labels, ...output]);
  const y = sumTo(b, right, [...left.labels, ...output]);
  const sizes = new Map(x.labels.map((label, axis) => [label, x.node.shape[axis]!]));
  y.labels.forEach((label, axis) => {
    const side = y.node.shape[axis]!;
    if ((sizes.get(label) ?? side) !== side) throw misfit(equation, [left.node, right.node]);
    sizes.set(label, side);
  });
  const both = x.labels.filter((label) => y.labels.includes(label));
  const batch = both.filter((label) => output.includes(label));
  const inner = both.filter((label) => !output.includes(label));
  const rows = x.labels.filter((label) => !both.includes(label));
  const columns = y.labels.filter((label) => !both.includes(label));
  const sidesOf = (labels: readonly string[]): number[] => labels.map((label) => sizes.get(label)!);
  const a = arranged(b, x, [...batch, ...rows, ...inner], equation);
  const c = arranged(b, y, [...batch, ...inner, ...columns], equation);
  const labels = [...batch, ...rows, ...columns];
  if (inner.length === 0) {
    const narrow = b.reshape(a, [...sidesOf([...batch, ...rows]), ...columns.map(() => 1)]);
    const wide = b.reshape(c, [...sidesOf(batch), ...rows.map(() => 1), ...sidesOf(columns)]);
    return { node: b.binary("mul", narrow, wide), labels };
  }
  const [n, k, m] = [rows, inner, columns].map((group) => sizeOf(sidesOf(group))) as [number, number, number];
  const lead = batch.length === 0 ? [] : [sizeOf(sidesOf(batch))];
  const product = b.matMul(b.reshape(a, [...lead, n, k]), b.reshape(c, [...lead, k, m]));
  return { node: b.reshape(product, sidesOf(labels)), labels };
}

/** `x` with its axes in the order of `labels`. */
function arranged(b: GraphBuilder, x: Labelled, labels: readonly string[], equation: string): Node {
  const permutation = labels.map((label) => x.labels.indexOf(label));
  if (permutation.includes(-1) || permutation.length !== x.labels.length) throw misfit(equation, [x.node]);
  return b.transpose(x.node, permutation);
}
