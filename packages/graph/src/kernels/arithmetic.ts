import type { GraphBuilder } from "../graph-builder.ts";
import type { BinaryPrimitive, Node, UnaryPrimitive } from "../node.ts";
import { type Lowerings, taking } from "./lowering.ts";

const unary = (op: UnaryPrimitive): Lowerings[string] => {
  return (b, { x }) => b.unary(op, x!);
};
const binary = (op: BinaryPrimitive): Lowerings[string] => {
  return (b, inputs) => b.binary(op, inputs.a!, inputs.b!);
};

/** Functions of numbers, element by element. */
export const arithmeticKernels: Lowerings = {
  ...taking(["float32", "int32"], {
    Neg: unary("neg"),
    Abs: unary("abs"),
    Sign: unary("sign"),
    Square: (b, { x }) => b.binary("mul", x!, x!),
    Add: binary("add"),
    AddN: (b, inputs) => Object.values(inputs).reduce((sum, x) => b.binary("add", sum, x)),
    Sub: binary("sub"),
    Multiply: binary("mul"),
    SquaredDifference: (b, inputs) => {
      const difference = b.binary("sub", inputs.a!, inputs.b!);
      return b.binary("mul", difference, difference);
    },
    Maximum: binary("max"),
    Minimum: binary("min"),
    ClipByValue: (b, { x }, { clipValueMin, clipValueMax }) => {
      const [low, high] = [clipValueMin, clipValueMax].map((value) => b.splat(value, [], x!.dtype));
      return b.binary("min", b.binary("max", x!, low!), high!);
    },
    Pow: binary("pow"),
    Round: (b, { x }) => (x!.dtype === "int32" ? x! : roundHalfToEven(b, x!)),
    // TensorFlow.js gives the floor of a quotient as int32, whatever it divides.
    FloorDiv: (b, inputs) => b.cast(floorOfQuotient(b, inputs.a!, inputs.b!), "int32"),
    // a - floor(a / b) b, which has the sign of b
    Mod: (b, inputs) => {
      const [x, y] = [inputs.a!, inputs.b!];
      const whole = b.cast(floorOfQuotient(b, x, y), x.dtype);
      return b.binary("sub", x, b.binary("mul", whole, y));
    },
  }),
  ...taking(["float32"], {
    RealDiv: binary("div"),
    Reciprocal: (b, { x }) => b.binary("div", b.splat(1), x!),
    Sqrt: unary("sqrt"),
    Rsqrt: (b, { x }) => b.binary("div", b.splat(1), b.unary("sqrt", x!)),
    Exp: unary("exp"),
    Expm1: unary("expm1"),
    Log: unary("log"),
    Log1p: unary("log1p"),
    Erf: unary("erf"),
    Floor: unary("floor"),
    Ceil: (b, { x }) => b.unary("neg", b.unary("floor", b.unary("neg", x!))),
    Sin: unary("sin"),
    Cos: unary("cos"),
    Tan: (b, { x }) => b.binary("div", b.unary("sin", x!), b.unary("cos", x!)),
    // asin x = 2 atan(x / (1 + sqrt(1 - x^2)))
    Asin: (b, { x }) => {
      const root = b.unary("sqrt", b.binary("mul", oneMinus(b, x!), onePlus(b, x!)));
      return twice(b, b.unary("atan", b.binary("div", x!, onePlus(b, root))));
    },
    // acos x = 2 atan(sqrt((1 - x) / (1 + x)))
    Acos: (b, { x }) =>
      twice(b, b.unary("atan", b.unary("sqrt", b.binary("div", oneMinus(b, x!), onePlus(b, x!))))),
    Atan: unary("atan"),
    Atan2: (b, inputs) => angle(b, inputs.a!, inputs.b!),
    Tanh: unary("tanh"),
    // sinh x = ((e^x - 1) - (e^-x - 1)) / 2, which keeps its digits around 0
    Sinh: (b, { x }) => half(b, b.binary("sub", b.unary("expm1", x!), b.unary("expm1", b.unary("neg", x!)))),
    Cosh: (b, { x }) => half(b, b.binary("add", b.unary("exp", x!), b.unary("exp", b.unary("neg", x!)))),
    // asinh x = ln(1 + x + x^2 / (1 + sqrt(1 + x^2))) where x >= 0, and odd
    Asinh: (b, { x }) => {
      const isNegative = b.compare("less", x!, b.splat(0));
      const size = b.select(isNegative, b.unary("neg", x!), x!);
      const square = b.binary("mul", size, size);
      const excess = b.binary("div", square, onePlus(b, b.unary("sqrt", onePlus(b, square))));
      const y = b.unary("log1p", b.binary("add", size, excess));
      return b.select(isNegative, b.unary("neg", y), y);
    },
    // acosh x = ln(1 + t + sqrt(t (t + 2))) with t = x - 1
    Acosh: (b, { x }) => {
      const t = b.binary("sub", x!, b.splat(1));
      const root = b.unary("sqrt", b.binary("mul", t, b.binary("add", t, b.splat(2))));
      return b.unary("log1p", b.binary("add", t, root));
    },
    // atanh x = (ln(1 + x) - ln(1 - x)) / 2
    Atanh: (b, { x }) => half(b, b.binary("sub", b.unary("log1p", x!), b.unary("log1p", b.unary("neg", x!)))),
  }),
};

function half(b: GraphBuilder, x: Node): Node {
  return b.binary("mul", x, b.splat(0.5));
}

function twice(b: GraphBuilder, x: Node): Node {
  return b.binary("mul", x, b.splat(2));
}

function onePlus(b: GraphBuilder, x: Node): Node {
  return b.binary("add", x, b.splat(1));
}

function oneMinus(b: GraphBuilder, x: Node): Node {
  return b.binary("sub", b.splat(1), x);
}

/** The nearest whole number, of two equally near ones the even one. */
function roundHalfToEven(b: GraphBuilder, x: Node): Node {
  const below = b.unary("floor", x);
  const above = b.binary("add", below, b.splat(1));
  const distance = b.binary("sub", x, below);
  const isBelowEven = b.compare("equal", twice(b, b.unary("floor", half(b, below))), below);
  const ofTie = b.select(isBelowEven, below, above);
  const away = b.select(b.compare("less", b.splat(0.5), distance), above, ofTie);
  return b.select(b.compare("less", distance, b.splat(0.5)), below, away);
}

/** float32 floor(a / b); exact for int32 operands below 2^24 in size, which float32 holds exactly. */
function floorOfQuotient(b: GraphBuilder, x: Node, y: Node): Node {
  return b.unary("floor", b.binary("div", b.cast(x, "float32"), b.cast(y, "float32")));
}

/** The angle of (x, y), in (-pi, pi]: the smaller over the larger, so that no quotient overflows. */
function angle(b: GraphBuilder, y: Node, x: Node): Node {
  const zero = b.splat(0);
  const [isLeft, isBelow] = [b.compare("less", x, zero), b.compare("less", y, zero)];
  const isFlat = b.compare("lessEqual", b.unary("abs", y), b.unary("abs", x));
  const bySign = (size: number): Node => b.select(isBelow, b.splat(-size), b.splat(size));
  // The branch that is not chosen divides by 1, lest its gradient is 0 times infinity.
  const over = (top: Node, bottom: Node, isUsed: Node): Node => {
    const isSafe = b.logical("and", isUsed, b.not(b.compare("equal", bottom, zero)));
    return b.unary("atan", b.binary("div", top, b.select(isSafe, bottom, b.splat(1))));
  };
  const flat = b.binary("add", over(y, x, isFlat), b.select(isLeft, bySign(Math.PI), zero));
  const steep = b.binary("sub", bySign(Math.PI / 2), over(x, y, b.not(isFlat)));
  return b.select(isFlat, flat, steep);
}
