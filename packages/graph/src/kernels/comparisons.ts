import type { ComparePrimitive } from "../node.ts";
import type { Lowerings } from "./lowering.ts";

const compare = (op: ComparePrimitive): Lowerings[string] => {
  return (b, inputs) => b.compare(op, inputs.a!, inputs.b!);
};

/** Truth values, and what they choose. */
export const comparisonKernels: Lowerings = {
  Equal: compare("equal"),
  NotEqual: (b, inputs) => b.not(b.compare("equal", inputs.a!, inputs.b!)),
  Less: compare("less"),
  LessEqual: compare("lessEqual"),
  Greater: (b, inputs) => b.compare("less", inputs.b!, inputs.a!),
  GreaterEqual: (b, inputs) => b.compare("lessEqual", inputs.b!, inputs.a!),
  LogicalAnd: (b, inputs) => b.logical("and", inputs.a!, inputs.b!),
  LogicalOr: (b, inputs) => b.logical("or", inputs.a!, inputs.b!),
  LogicalNot: (b, { x }) => b.not(x!),
  // Not a number is what does not equal itself.
  IsNan: (b, { x }) => b.not(b.compare("equal", x!, x!)),
  IsInf: (b, { x }) => b.compare("equal", b.unary("abs", x!), b.splat(Number.POSITIVE_INFINITY)),
  IsFinite: (b, { x }) => b.compare("less", b.unary("abs", x!), b.splat(Number.POSITIVE_INFINITY)),
  Select: (b, { condition, t, e }) => b.select(condition!, t!, e!),
};
