import type { GraphBuilder } from "../graph-builder.ts";
import type { Node, Shape } from "../node.ts";
import { padRank } from "../shape.ts";
import { activated } from "./activations.ts";
import { einsum } from "./einsum.ts";
import { type Lowerings, taking } from "./lowering.ts";

/** Products of matrices and tensors, and normalization by known moments. */
export const productKernels: Lowerings = {
  ...taking(["float32", "int32"], {
    BatchMatMul: (b, inputs, { transposeA, transposeB }) =>
      product(b, inputs.a!, inputs.b!, transposeA, transposeB),
  }),
  ...taking(["float32"], {
    _FusedMatMul: (b, inputs, attributes) => {
      const { transposeA, transposeB } = attributes;
      return activated(b, product(b, inputs.a!, inputs.b!, transposeA, transposeB), inputs, attributes);
    },
    Einsum: (b, inputs, { equation }) => einsum(b, Object.values(inputs), equation),
    // (x - mean) / sqrt(variance + epsilon) * scale + offset
    FusedBatchNorm: (b, { x, scale, offset, mean, variance }, { varianceEpsilon }) => {
      const deviation = b.unary("sqrt", b.binary("add", variance!, b.splat(varianceEpsilon)));
      const factor = b.binary("div", scale ?? b.splat(1), deviation);
      const y = b.binary("mul", b.binary("sub", x!, mean!), factor);
      return offset === undefined ? y : b.binary("add", y, offset);
    },
  }),
};

/** A matrix product whose leading axes broadcast. */
function product(b: GraphBuilder, left: Node, right: Node, transposeA: boolean, transposeB: boolean): Node {
  if (left.dtype !== "float32") {
    const [x, y] = [b.cast(left, "float32"), b.cast(right, "float32")];
    return b.cast(product(b, x, y, transposeA, transposeB), left.dtype);
  }
  const rank = Math.max(left.shape.length, right.shape.length);
  const [x, y] = [padRank(left.shape, rank), padRank(right.shape, rank)];
  const lead = x.slice(0, -2).map((side, axis) => Math.max(side, y[axis]!));
  const batched = lead.some((side) => side !== 1);
  if (!batched) {
    const matrix = b.matMul(
      b.reshape(left, x.slice(-2)),
      b.reshape(right, y.slice(-2)),
      transposeA,
      transposeB,
    );
    return b.reshape(matrix, [...lead, ...matrix.shape]);
  }
  const spread = (node: Node, shape: Shape): Node =>
    b.broadcast(b.reshape(node, shape), [...lead, ...shape.slice(-2)]);
  return b.matMul(spread(left, x), spread(right, y), transposeA, transposeB);
}
