import type { BinaryPrimitive, UnaryPrimitive } from "./node.ts";

/** The mathematics of each unary primitive, in float64. */
export function evaluateUnary(op: UnaryPrimitive, x: number): number {
  switch (op) {
    case "neg":
      return -x;
    case "sigmoid":
      return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    case "relu":
      return Math.max(x, 0);
    case "erf":
      return erf(x);
    default:
      return Math[op](x);
  }
}

/** The mathematics of each binary primitive, in float64. */
export function evaluateBinary(op: BinaryPrimitive, x: number, y: number): number {
  switch (op) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "div":
      return x / y;
    case "max":
    case "min":
    case "pow":
      return Math[op](x, y);
  }
}

/**
 * The error function, by a series whose terms all have one sign, so that nothing cancels:
 * erf(x) = 2 / sqrt(pi) e^(-x^2) sum over n of 2^n x^(2n + 1) / (1 * 3 * ... * (2n + 1)).
 *
 * @see Abramowitz and Stegun 1964, 7.1.6
 */
function erf(x: number): number {
  // 1 - erf(6) is 2e-17, below the last bit.
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Number.EPSILON * Math.abs(sum) * 0.01; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
