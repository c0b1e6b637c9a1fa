import type { GraphBuilder } from "../graph-builder.ts";
import type { ComparePrimitive, Node } from "../node.ts";
import { commonDtype, type Lowerings } from "./lowering.ts";

const compare = (op: ComparePrimitive): Lowerings[string] => {
  return (b, inputs) => compared(b, op, inputs.a!, inputs.b!);
};

/** Truth values, and what they choose. */
export const comparisonKernels: Lowerings = {
  Equal: compare("equal"),
  NotEqual: (b, inputs) => b.not(b.compare("equal", inputs.a!, inputs.b!)),
  Less: compare("less"),
  LessEqual: compare("lessEqual"),
  Greater: (b, inputs) => compared(b, "less", inputs.b!, inputs.a!),
  GreaterEqual: (b, inputs) => compared(b, "lessEqual", inputs.b!, inputs.a!),
  LogicalAnd: (b, inputs) => b.logical("and", inputs.a!, inputs.b!),
  LogicalOr: (b, inputs) => b.logical("or", inputs.a!, inputs.b!),
  LogicalNot: (b, { x }) => b.not(x!),
  // Not a number is what does not equal itself.
  IsNan: (b, { x }) => b.not(b.compare("equal", x!, x!)),
  IsInf: (b, { x }) => b.compare("equal", sizes(b, x!), b.splat(Number.POSITIVE_INFINITY)),
  IsFinite: (b, { x }) => b.compare("less", sizes(b, x!), b.splat(Number.POSITIVE_INFINITY)),
  Select: (b, { condition, t, e }) => {
    const dtype = commonDtype(t!.dtype, e!.dtype);
    return b.select(condition!, b.cast(t!, dtype), b.cast(e!, dtype));
  },
};

/** Truth values compare as 0 and 1. */
function compared(b: GraphBuilder, op: ComparePrimitive, left: Node, right: Node): Node {
  const dtype = commonDtype("int32", commonDtype(left.dtype, right.dtype));
  return b.compare(op, b.cast(left, dtype), b.cast(right, dtype));
}

function sizes(b: GraphBuilder, x: Node): Node {
  return b.unary("abs", b.cast(x, "float32"));
}
