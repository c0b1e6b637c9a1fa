import type { GraphBuilder } from "./graph-builder.ts";
import { type BinaryPrimitive, type Node, sizeOf } from "./node.ts";
import { broadcastShapes } from "./shape.ts";
import { splatValue } from "./splat.ts";

/**
 * Rules that make element-wise arithmetic cheaper: exact up to rounding, each in one direction only.
 *
 * Signs move outwards, where sums absorb them. Scalars, and operands smaller than the result, meet
 * before they meet a large one: `(X * s) * t` is `X * (s * t)`, one pass over X and not two.
 * All return null where no rule applies, or a node whose shape broadcasts to the result's.
 */
export function simplifyBinary(b: GraphBuilder, op: BinaryPrimitive, left: Node, right: Node): Node | null {
  if (left.dtype !== "float32") return simplifyKnown(b, op, left, right);
  const known = simplifyKnown(b, op, left, right);
  if (known !== null) return known;
  switch (op) {
    case "add":
    case "sub":
      return simplifySum(b, op, left, right);
    case "mul":
      return simplifyProduct(b, left, right) ?? simplifyProduct(b, right, left);
    case "div":
      return simplifyQuotient(b, left, right);
    default:
      return null;
  }
}

/** Where one of the operands is 0, 1 or -1. */
function simplifyKnown(b: GraphBuilder, op: BinaryPrimitive, left: Node, right: Node): Node | null {
  const [x, y] = [splatValue(left), splatValue(right)];
  if (op === "add") return y === 0 ? left : x === 0 ? right : null;
  if (op === "sub") return y === 0 ? left : x === 0 ? b.unary("neg", right) : null;
  if (op === "div") return y === 1 ? left : null;
  if (op !== "mul") return null;
  if (y === 1) return left;
  if (x === 1) return right;
  if (x === 0 || y === 0) return b.splat(0, [], left.dtype);
  if (x === -1) return b.unary("neg", right);
  if (y === -1) return b.unary("neg", left);
  return null;
}

function simplifySum(b: GraphBuilder, op: "add" | "sub", left: Node, right: Node): Node | null {
  const opposite = op === "add" ? "sub" : "add";
  if (op === "add") {
    // X + X = 2 X, X + (X + Y) = 2 X + Y: the 2 meets what scales X
    if (left === right) return b.binary("mul", left, b.splat(2));
    for (const [x, sum] of [
      [left, right],
      [right, left],
    ] as const) {
      if (sum.op !== "add" || !sum.inputs.includes(x)) continue;
      const rest = sum.inputs[0] === x ? sum.inputs[1]! : sum.inputs[0]!;
      return b.binary("add", b.binary("mul", x, b.splat(2)), rest);
    }
  }
  // a + (-b) = a - b, a - (-b) = a + b
  if (right.op === "neg") return b.binary(opposite, left, right.inputs[0]!);
  // (-a) + b = b - a, (-a) - b = -(a + b)
  if (left.op === "neg") {
    return op === "add"
      ? b.binary("sub", right, left.inputs[0]!)
      : b.unary("neg", b.binary("add", left.inputs[0]!, right));
  }
  // (X + s) + t = X + (s + t), and so on with signs
  if (left.op === "add" || left.op === "sub") {
    const [x, s] = left.inputs as [Node, Node];
    const sign = left.op === op ? "add" : "sub";
    if (meetSmaller(s, right, left)) {
      return left.op === "add"
        ? b.binary("add", x, b.binary(op, s, right))
        : b.binary("sub", x, b.binary(sign, s, right));
    }
    if (left.op === "add" && meetSmaller(x, right, left)) return b.binary("add", s, b.binary(op, x, right));
  }
  return null;
}

function simplifyProduct(b: GraphBuilder, x: Node, other: Node): Node | null {
  // (-x) y = -(x y)
  if (x.op === "neg") return b.unary("neg", b.binary("mul", x.inputs[0]!, other));
  if (x.op !== "mul") return null;
  for (const [large, small] of [x.inputs, [...x.inputs].reverse()] as [Node, Node][]) {
    // (X s) t = X (s t)
    const bothKnown = splatValue(small) !== null && splatValue(other) !== null;
    if (bothKnown || meetSmaller(small, other, x))
      return b.binary("mul", large, b.binary("mul", small, other));
    // (c X) Y = c (X Y), where that makes nothing larger
    const grows = sizeOf(broadcastShapes(x.shape, other.shape)) > sizeOf(x.shape);
    if (splatValue(small) !== null && !grows) return b.binary("mul", small, b.binary("mul", large, other));
  }
  return null;
}

function simplifyQuotient(b: GraphBuilder, left: Node, right: Node): Node | null {
  if (left.op === "neg") return b.unary("neg", b.binary("div", left.inputs[0]!, right));
  if (right.op === "neg") return b.unary("neg", b.binary("div", left, right.inputs[0]!));
  // X / s = X (1 / s): a division less per element
  if (isSmaller(right, left)) return b.binary("mul", left, b.binary("div", b.splat(1), right));
  return null;
}

/** `-x`, where the sign can go further out or away. */
export function simplifyNegation(b: GraphBuilder, x: Node): Node | null {
  if (x.op === "neg") return x.inputs[0]!;
  if (x.op === "sub") return b.binary("sub", x.inputs[1]!, x.inputs[0]!);
  if (x.op === "mul") {
    for (const [factor, other] of [x.inputs, [...x.inputs].reverse()] as [Node, Node][]) {
      const value = splatValue(factor);
      if (value !== null) return b.binary("mul", b.splat(-value), other);
    }
  }
  return null;
}

/** True if combining `s` and `t` first makes a smaller tensor than `whole`: the total work falls. */
function meetSmaller(s: Node, t: Node, whole: Node): boolean {
  return sizeOf(broadcastShapes(s.shape, t.shape)) < sizeOf(whole.shape);
}

function isSmaller(a: Node, b: Node): boolean {
  return sizeOf(a.shape) < sizeOf(b.shape);
}
