import type { GraphBuilder } from "./graph-builder.ts";
import type { Node, NodeOf, Primitive, Shape } from "./node.ts";
import { keepAxes, padRank } from "./shape.ts";

/** Makes the cotangent of one input, or null where none flows. */
type Cotangent = ((b: GraphBuilder) => Node) | null;

/** Reverse mode: from a node `y` and its cotangent `dy` to the cotangents of its inputs. */
type GradientRule<P extends Primitive> = (y: NodeOf<P>, dy: Node) => readonly Cotangent[];

const none = (): readonly Cotangent[] => [null];
const noneOfTwo = (): readonly Cotangent[] => [null, null];

const zero = (b: GraphBuilder): Node => b.splat(0);
const sides = (node: Node): [number, number] => [node.shape.at(-3)!, node.shape.at(-2)!];

/**
 * One rule per primitive. Each result is again in the set of primitives, so gradients of any order are
 * graphs; F, BI and BF (the three convolutions) are closed under differentiation, and so are poolSelect
 * and poolScatter, slice and pad, gather and scatterAdd.
 */
export const gradientRules: { readonly [P in Primitive]: GradientRule<P> } = {
  input: () => [],
  constant: () => [],
  variable: (_, dy) => [() => dy],
  stopGradient: none,

  // d(-x) = -dx
  neg: (_, dy) => [(b) => b.unary("neg", dy)],
  // d(e^x) = e^x dx
  exp: (y, dy) => [(b) => b.binary("mul", dy, y as Node)],
  // d(e^x - 1) = e^x dx
  expm1: (y, dy) => [(b) => b.binary("mul", dy, b.unary("exp", y.inputs[0]!))],
  // d(ln x) = dx / x
  log: (y, dy) => [(b) => b.binary("div", dy, y.inputs[0]!)],
  // d(ln(1 + x)) = dx / (1 + x)
  log1p: (y, dy) => [(b) => b.binary("div", dy, b.binary("add", y.inputs[0]!, b.splat(1)))],
  // d(sqrt x) = dx / (2 sqrt x)
  sqrt: (y, dy) => [(b) => b.binary("div", b.binary("mul", dy, b.splat(0.5)), y as Node)],
  // d(sin x) = cos x dx
  sin: (y, dy) => [(b) => b.binary("mul", dy, b.unary("cos", y.inputs[0]!))],
  // d(cos x) = -sin x dx
  cos: (y, dy) => [(b) => b.unary("neg", b.binary("mul", dy, b.unary("sin", y.inputs[0]!)))],
  // d(atan x) = dx / (1 + x^2)
  atan: (y, dy) => {
    const x = y.inputs[0]!;
    return [(b) => b.binary("div", dy, b.binary("add", b.binary("mul", x, x), b.splat(1)))];
  },
  // d(tanh x) = (1 - tanh^2 x) dx
  tanh: (y, dy) => [
    (b) => b.binary("mul", dy, b.binary("sub", b.splat(1), b.binary("mul", y as Node, y as Node))),
  ],
  // d(s(x)) = s(x) (1 - s(x)) dx
  sigmoid: (y, dy) => [
    (b) => b.binary("mul", dy, b.binary("mul", y as Node, b.binary("sub", b.splat(1), y as Node))),
  ],
  // d(erf x) = 2 / sqrt(pi) e^(-x^2) dx
  erf: (y, dy) => {
    const x = y.inputs[0]!;
    return [
      (b) => {
        const bell = b.unary("exp", b.unary("neg", b.binary("mul", x, x)));
        return b.binary("mul", dy, b.binary("mul", bell, b.splat(2 / Math.sqrt(Math.PI))));
      },
    ];
  },
  // d(relu x) = [x > 0] dx. A product with 0 and 1: engines multiply much faster than they select.
  relu: (y, dy) => [(b) => b.binary("mul", dy, b.cast(b.compare("less", zero(b), y.inputs[0]!), "float32"))],
  // d|x| = sign(x) dx
  abs: (y, dy) => [(b) => b.binary("mul", dy, b.unary("sign", y.inputs[0]!))],
  sign: none,
  floor: none,

  add: (y, dy) => [(b) => sumTo(b, dy, y.inputs[0]!.shape), (b) => sumTo(b, dy, y.inputs[1]!.shape)],
  sub: (y, dy) => [
    (b) => sumTo(b, dy, y.inputs[0]!.shape),
    (b) => b.unary("neg", sumTo(b, dy, y.inputs[1]!.shape)),
  ],
  // d(x z) = z dx + x dz
  mul: (y, dy) => {
    const [x, z] = y.inputs as [Node, Node];
    return [
      (b) => sumTo(b, b.binary("mul", dy, z), x.shape),
      (b) => sumTo(b, b.binary("mul", dy, x), z.shape),
    ];
  },
  // d(x / z) = dx / z - (x / z) dz / z
  div: (y, dy) => {
    const [x, z] = y.inputs as [Node, Node];
    return [
      (b) => sumTo(b, b.binary("div", dy, z), x.shape),
      (b) => b.unary("neg", sumTo(b, b.binary("div", b.binary("mul", dy, y as Node), z), z.shape)),
    ];
  },
  // The first argument takes the gradient of a tie.
  max: (y, dy) => chosenOf(y, dy, (b, x, z) => b.compare("lessEqual", z, x)),
  min: (y, dy) => chosenOf(y, dy, (b, x, z) => b.compare("lessEqual", x, z)),
  // d(x^z) = z x^(z-1) dx + x^z ln x dz, the second where x > 0
  pow: (y, dy) => {
    const [x, z] = y.inputs as [Node, Node];
    return [
      (b) => {
        const slope = b.binary("mul", z, b.binary("pow", x, b.binary("sub", z, b.splat(1))));
        return sumTo(b, b.binary("mul", dy, slope), x.shape);
      },
      (b) => {
        const positive = b.compare("less", zero(b), x);
        const logarithm = b.unary("log", b.select(positive, x, b.splat(1)));
        return sumTo(b, b.binary("mul", dy, b.binary("mul", y as Node, logarithm)), z.shape);
      },
    ];
  },

  equal: noneOfTwo,
  less: noneOfTwo,
  lessEqual: noneOfTwo,
  and: noneOfTwo,
  or: noneOfTwo,
  not: none,
  select: (y, dy) => {
    const [condition, yes, no] = y.inputs as [Node, Node, Node];
    return [
      null,
      (b) => sumTo(b, b.select(condition, dy, zero(b)), yes.shape),
      (b) => sumTo(b, b.select(condition, zero(b), dy), no.shape),
    ];
  },
  // Only float32 carries gradients, and a cast leaves or enters it.
  cast: none,

  reshape: (y, dy) => [(b) => b.reshape(dy, y.inputs[0]!.shape)],
  transpose: (y, dy) => [
    (b) => {
      const inverse = new Array<number>(y.shape.length);
      y.attributes.permutation.forEach((axis, i) => {
        inverse[axis] = i;
      });
      return b.transpose(dy, inverse);
    },
  ],
  broadcast: (y, dy) => [(b) => sumTo(b, dy, y.inputs[0]!.shape)],
  reduceSum: (y, dy) => [
    (b) => {
      const x = y.inputs[0]!;
      return b.broadcast(b.reshape(dy, keepAxes(x.shape, y.attributes.axes)), x.shape);
    },
  ],
  // Ties share the gradient evenly.
  reduceMax: (y, dy) => [
    (b) => {
      const x = y.inputs[0]!;
      const kept = keepAxes(x.shape, y.attributes.axes);
      const mask = b.cast(b.compare("equal", x, b.reshape(y as Node, kept)), "float32");
      const ties = b.reduceSum(mask, y.attributes.axes);
      return b.binary("mul", mask, b.reshape(b.binary("div", dy, ties), kept));
    },
  ],
  argMax: none,
  slice: (y, dy) => [(b) => b.pad(dy, y.attributes.begin, y.inputs[0]!.shape)],
  pad: (y, dy) => [(b) => b.slice(dy, y.attributes.before, y.inputs[0]!.shape)],
  concat: (y, dy) => {
    const axis = y.attributes.axis;
    let start = 0;
    return y.inputs.map((part) => {
      const begin = part.shape.map((_, i) => (i === axis ? start : 0));
      start += part.shape[axis]!;
      return (b: GraphBuilder) => b.slice(dy, begin, part.shape);
    });
  },
  gather: (y, dy) => {
    const axis = y.attributes.axis;
    return [(b) => b.scatterAdd(dy, y.inputs[1]!, axis, y.inputs[0]!.shape[axis]!), null];
  },
  scatterAdd: (y, dy) => [(b) => b.gather(dy, y.inputs[1]!, y.attributes.axis), null],
  // C = A B: dA = dC B^T, dB = A^T dC; with flags, transposed alike.
  matMul: (y, dy) => {
    const [a, c] = y.inputs as [Node, Node];
    const { transposeA, transposeB } = y.attributes;
    return [
      (b) => (transposeA ? b.matMul(c, dy, transposeB, true) : b.matMul(dy, c, false, !transposeB)),
      (b) => (transposeB ? b.matMul(dy, a, true, transposeA) : b.matMul(a, dy, !transposeA, false)),
    ];
  },

  // dF: x -> BI(dy, w), w -> BF(x, dy)
  conv: (y, dy) => {
    const [x, filter] = y.inputs as [Node, Node];
    const { window } = y.attributes;
    return [(b) => b.convInputGrad(dy, filter, window, sides(x)), (b) => b.convFilterGrad(x, dy, window)];
  },
  // dBI with cotangent u: dy -> F(u, w), w -> BF(u, dy)
  convInputGrad: (y, u) => {
    const [dy, filter] = y.inputs as [Node, Node];
    const { window } = y.attributes;
    return [(b) => b.conv(u, filter, window, sides(dy)), (b) => b.convFilterGrad(u, dy, window)];
  },
  // dBF with cotangent v: x -> BI(dy, v), dy -> F(x, v)
  convFilterGrad: (y, v) => {
    const [x, dy] = y.inputs as [Node, Node];
    const { window } = y.attributes;
    return [(b) => b.convInputGrad(dy, v, window, sides(x)), (b) => b.conv(x, v, window, sides(dy))];
  },
  // Which element is the maximum does not change within a neighbourhood: no gradient to the reference.
  poolSelect: (y, dy) => [null, (b) => b.poolScatter(y.inputs[0]!, dy, y.attributes.window)],
  poolScatter: (y, u) => [
    null,
    (b) => b.poolSelect(y.inputs[0]!, u, y.attributes.window, sides(y.inputs[1]!)),
  ],
};

/** Sums a cotangent over the axes that broadcasting added: the adjoint of a broadcast. */
function sumTo(b: GraphBuilder, dy: Node, shape: Shape): Node {
  const aligned = padRank(shape, dy.shape.length);
  const axes = dy.shape.flatMap((side, axis) => (side !== 1 && aligned[axis] === 1 ? [axis] : []));
  return b.reshape(b.reduceSum(dy, axes), shape);
}

function chosenOf(
  y: NodeOf<"max"> | NodeOf<"min">,
  dy: Node,
  firstWins: (b: GraphBuilder, x: Node, z: Node) => Node,
): readonly Cotangent[] {
  const [x, z] = y.inputs as [Node, Node];
  return [
    (b) => sumTo(b, b.select(firstWins(b, x, z), dy, zero(b)), x.shape),
    (b) => sumTo(b, b.select(firstWins(b, x, z), zero(b), dy), z.shape),
  ];
}
