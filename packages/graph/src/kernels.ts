import { backend_util } from "@tensorflow/tfjs-core";
import { convolved, maxPooled, product } from "./capture-products.ts";
import type { GraphBuilder } from "./graph-builder.ts";
import { GraphError } from "./graph-error.ts";
import type { BinaryPrimitive, ComparePrimitive, Dtype, Node, Shape, UnaryPrimitive } from "./node.ts";
import { sizeOf } from "./node.ts";
import { keepAxes } from "./shape.ts";

type Side = [number, number] | number;
type Padding = Parameters<typeof backend_util.computeConv2DInfo>[4];

/** What TensorFlow.js hands a kernel beside its tensors; each kernel reads the names that it knows. */
export interface KernelAttributes {
  readonly activation: string | undefined;
  readonly alpha: number;
  readonly axis: number | number[] | null;
  readonly batchDims: number;
  readonly begin: number[];
  readonly clipValueMax: number;
  readonly clipValueMin: number;
  readonly constantValue: number;
  readonly dataFormat: "NHWC" | "NCHW";
  readonly depth: number;
  readonly dilations: Side;
  readonly dim: number;
  readonly dimRoundingMode: "floor" | "round" | "ceil" | undefined;
  readonly dtype: string;
  readonly filterSize: Side;
  readonly keepDims: boolean;
  readonly numOrSizeSplits: number | number[];
  readonly offValue: number;
  readonly onValue: number;
  readonly pad: Padding;
  readonly paddings: [number, number][];
  readonly perm: number[];
  readonly reductionIndices: number | number[];
  readonly reps: number[];
  readonly shape: number[];
  readonly size: number[];
  readonly strides: Side;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly value: number;
  readonly varianceEpsilon: number;
}

/** From the nodes of a kernel's inputs (variadic inputs are named "0", "1", ...) to its result. */
type Lowering = (
  b: GraphBuilder,
  inputs: { readonly [name: string]: Node },
  attributes: KernelAttributes,
) => Node | Node[];

const unary = (op: UnaryPrimitive): Lowering => {
  return (b, { x }) => b.unary(op, x!);
};
const binary = (op: BinaryPrimitive): Lowering => {
  return (b, inputs) => b.binary(op, inputs.a!, inputs.b!);
};
const compare = (op: ComparePrimitive): Lowering => {
  return (b, inputs) => b.compare(op, inputs.a!, inputs.b!);
};

/** The TensorFlow.js kernels that capture knows, each as primitives. Kernel names are tfjs-core's. */
export const captureKernels: { readonly [kernelName: string]: Lowering } = {
  Identity: (_, { x }) => x!,
  Cast: (b, { x }, { dtype }) => castTo(b, x!, dtype),
  ZerosLike: (b, { x }) => b.splat(0, x!.shape, x!.dtype),
  OnesLike: (b, { x }) => b.splat(1, x!.shape, x!.dtype),
  Fill: (b, _, { shape, value, dtype }) => b.splat(value, shape, dtypeOf(dtype ?? "float32")),

  Neg: unary("neg"),
  Exp: unary("exp"),
  Log: unary("log"),
  Sqrt: unary("sqrt"),
  Sin: unary("sin"),
  Cos: unary("cos"),
  Tanh: unary("tanh"),
  Sigmoid: unary("sigmoid"),
  Relu: unary("relu"),
  Abs: unary("abs"),
  Sign: unary("sign"),
  Floor: unary("floor"),
  Rsqrt: (b, { x }) => b.binary("div", b.splat(1), b.unary("sqrt", x!)),
  Reciprocal: (b, { x }) => b.binary("div", b.splat(1), x!),
  Square: (b, { x }) => b.binary("mul", x!, x!),
  LeakyRelu: (b, { x }, { alpha }) =>
    b.select(b.compare("less", b.splat(0), x!), x!, b.binary("mul", x!, b.splat(alpha))),
  // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which does not overflow
  Softplus: (b, { x }) => {
    const decay = b.unary("exp", b.unary("neg", b.unary("abs", x!)));
    return b.binary("add", b.unary("relu", x!), b.unary("log", b.binary("add", b.splat(1), decay)));
  },
  ClipByValue: (b, { x }, { clipValueMin, clipValueMax }) =>
    b.binary("min", b.binary("max", x!, b.splat(clipValueMin)), b.splat(clipValueMax)),

  Add: binary("add"),
  Sub: binary("sub"),
  Multiply: binary("mul"),
  RealDiv: binary("div"),
  Maximum: binary("max"),
  Minimum: binary("min"),
  Pow: binary("pow"),
  SquaredDifference: (b, inputs) => {
    const difference = b.binary("sub", inputs.a!, inputs.b!);
    return b.binary("mul", difference, difference);
  },
  AddN: (b, inputs) => Object.values(inputs).reduce((sum, x) => b.binary("add", sum, x)),
  Equal: compare("equal"),
  Less: compare("less"),
  LessEqual: compare("lessEqual"),
  Greater: (b, inputs) => b.compare("less", inputs.b!, inputs.a!),
  GreaterEqual: (b, inputs) => b.compare("lessEqual", inputs.b!, inputs.a!),
  NotEqual: (b, inputs) => b.not(b.compare("equal", inputs.a!, inputs.b!)),
  LogicalAnd: (b, inputs) => b.logical("and", inputs.a!, inputs.b!),
  LogicalOr: (b, inputs) => b.logical("or", inputs.a!, inputs.b!),
  LogicalNot: (b, { x }) => b.not(x!),
  Select: (b, { condition, t, e }) => {
    // A rank-1 condition chooses whole rows of its operands.
    const rows = condition!.shape.length === 1 && t!.shape.length > 1;
    const mask = rows
      ? b.reshape(condition!, [condition!.shape[0]!, ...t!.shape.slice(1).fill(1)])
      : condition!;
    return b.select(mask, t!, e!);
  },

  Reshape: (b, { x }, { shape }) => b.reshape(x!, knownShape(x!.shape, shape)),
  ExpandDims: (b, { input }, { dim }) => {
    const axis = dim < 0 ? dim + input!.shape.length + 1 : dim;
    return b.reshape(input!, [...input!.shape.slice(0, axis), 1, ...input!.shape.slice(axis)]);
  },
  Transpose: (b, { x }, { perm }) => b.transpose(x!, perm),
  Tile: (b, { x }, { reps }) => tile(b, x!, reps),
  Concat: (b, inputs, { axis }) => {
    const parts = Object.values(inputs);
    return b.concat(
      parts.filter((part) => sizeOf(part.shape) > 0),
      oneAxis(axis, parts[0]!.shape.length),
    );
  },
  Pack: (b, inputs, { axis }) => {
    const parts = Object.values(inputs);
    const at = oneAxis(axis, parts[0]!.shape.length + 1);
    return b.concat(
      parts.map((part) => b.reshape(part, [...part.shape.slice(0, at), 1, ...part.shape.slice(at)])),
      at,
    );
  },
  Unpack: (b, { value }, { axis }) => {
    const at = oneAxis(axis, value!.shape.length);
    const whole = value!.shape;
    return Array.from({ length: whole[at]! }, (_, i) => {
      const begin = whole.map((_, j) => (j === at ? i : 0));
      return b.reshape(
        b.slice(value!, begin, keepAxes(whole, [at])),
        whole.filter((_, j) => j !== at),
      );
    });
  },
  SplitV: (b, { x }, { numOrSizeSplits, axis }) => {
    const at = oneAxis(axis, x!.shape.length);
    const sizes = backend_util.prepareSplitSize({ shape: [...x!.shape] } as never, numOrSizeSplits, at);
    let start = 0;
    return sizes.map((size) => {
      const begin = x!.shape.map((_, i) => (i === at ? start : 0));
      start += size;
      return b.slice(
        x!,
        begin,
        x!.shape.map((side, i) => (i === at ? size : side)),
      );
    });
  },
  Slice: (b, { x }, { begin, size }) => {
    const first = x!.shape.map((side, axis) => wrap(begin[axis] ?? 0, side));
    const shape = x!.shape.map((side, axis) => {
      const length = size[axis] ?? -1;
      return length === -1 ? side - first[axis]! : length;
    });
    return b.slice(x!, first, shape);
  },
  PadV2: (b, { x }, { paddings, constantValue }) => {
    const shape = x!.shape.map((side, axis) => side + paddings[axis]![0] + paddings[axis]![1]);
    const before = paddings.map(([front]) => front);
    const padded = b.pad(x!, before, shape);
    if (constantValue === 0) return padded;
    const inside = b.pad(b.splat(1, x!.shape, x!.dtype), before, shape);
    return b.select(
      b.compare("less", b.splat(0, [], x!.dtype), inside),
      padded,
      b.splat(constantValue, [], x!.dtype),
    );
  },
  GatherV2: (b, { x, indices }, { axis, batchDims }) => {
    if (batchDims !== 0) throw refused("GatherV2", `batchDims ${batchDims}`);
    return b.gather(x!, indices!, oneAxis(axis, x!.shape.length));
  },
  OneHot: (b, { indices }, { depth, onValue, offValue, dtype }) => {
    const classes = b.constant(
      Int32Array.from({ length: depth }, (_, i) => i),
      [depth],
      "int32",
    );
    const hit = b.compare("equal", b.reshape(indices!, [...indices!.shape, 1]), classes);
    const to = dtypeOf(dtype ?? "int32");
    return b.select(hit, b.splat(onValue, [], to), b.splat(offValue, [], to));
  },

  Sum: (b, { x }, { axis, keepDims }) => reduced(b, x!, axis, keepDims, (y, axes) => b.reduceSum(y, axes)),
  Mean: (b, { x }, { axis, keepDims }) => {
    const values = b.cast(x!, "float32");
    return reduced(b, values, axis, keepDims, (y, axes) =>
      b.binary("mul", b.reduceSum(y, axes), b.splat(1 / sizeOf(axes.map((i) => y.shape[i]!)))),
    );
  },
  Max: (b, { x }, { reductionIndices, keepDims }) =>
    reduced(b, x!, reductionIndices, keepDims, (y, axes) => b.reduceMax(y, axes)),
  Min: (b, { x }, { axis, keepDims }) =>
    reduced(b, x!, axis, keepDims, (y, axes) => b.unary("neg", b.reduceMax(b.unary("neg", y), axes))),
  ArgMax: (b, { x }, { axis }) => b.argMax(x!, oneAxis(axis, x!.shape.length)),
  ArgMin: (b, { x }, { axis }) => b.argMax(b.unary("neg", x!), oneAxis(axis, x!.shape.length)),
  // softmax(x) = e^(x - max) / sum: the gradient is that of logSoftmax, whatever the shift
  Softmax: (b, { logits }, { dim }) => {
    const axis = wrap(dim, logits!.shape.length);
    const powers = b.unary("exp", shifted(b, logits!, axis));
    return b.binary("div", powers, sumAlong(b, powers, axis));
  },
  // logSoftmax(x) = x - max - ln sum e^(x - max)
  LogSoftmax: (b, { logits }, { axis }) => {
    const at = oneAxis(axis, logits!.shape.length);
    const low = shifted(b, logits!, at);
    return b.binary("sub", low, b.unary("log", sumAlong(b, b.unary("exp", low), at)));
  },

  BatchMatMul: (b, inputs, { transposeA, transposeB }) =>
    product(b, inputs.a!, inputs.b!, transposeA, transposeB),
  _FusedMatMul: (b, inputs, { transposeA, transposeB, activation, alpha }) => {
    const y = product(b, inputs.a!, inputs.b!, transposeA, transposeB);
    return activated(b, inputs.bias === undefined ? y : b.binary("add", y, inputs.bias), activation, alpha);
  },
  Conv2D: (b, { x, filter }, attributes) => convolved(b, x!, filter!, attributes),
  FusedConv2D: (b, { x, filter, bias }, attributes) => {
    const y = convolved(b, x!, filter!, attributes);
    return activated(
      b,
      bias === undefined ? y : b.binary("add", y, bias),
      attributes.activation,
      attributes.alpha,
    );
  },
  MaxPool: (b, { x }, attributes) => maxPooled(b, x!, attributes),
  // (x - mean) / sqrt(variance + epsilon) * scale + offset
  FusedBatchNorm: (b, { x, scale, offset, mean, variance }, { varianceEpsilon }) => {
    const deviation = b.unary("sqrt", b.binary("add", variance!, b.splat(varianceEpsilon)));
    const factor = b.binary("div", scale ?? b.splat(1), deviation);
    const y = b.binary("mul", b.binary("sub", x!, mean!), factor);
    return offset === undefined ? y : b.binary("add", y, offset);
  },
};

function refused(kernel: string, what: string): GraphError {
  return new GraphError("E_CAPTURE", `capture: ${kernel} with ${what} has no lowering to a static graph`);
}

function dtypeOf(dtype: string): Dtype {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new GraphError("E_CAPTURE", `capture: expected float32, int32 or bool, got ${dtype}`);
}

/** Casts as TensorFlow.js does: floats are truncated towards zero, numbers are true unless 0. */
function castTo(b: GraphBuilder, x: Node, dtype: string): Node {
  const to = dtypeOf(dtype);
  return to === "bool" && x.dtype !== "bool"
    ? b.not(b.compare("equal", x, b.splat(0, [], x.dtype)))
    : b.cast(x, to);
}

/** `index` counted from the front. */
function wrap(index: number, length: number): number {
  return index < 0 ? index + length : index;
}

function oneAxis(axis: number | number[] | null, rank: number): number {
  return wrap(Array.isArray(axis) ? axis[0]! : (axis ?? 0), rank);
}

function knownShape(from: Shape, to: readonly number[]): Shape {
  const open = to.indexOf(-1);
  if (open === -1) return to;
  const rest = sizeOf(to.filter((_, axis) => axis !== open));
  return to.map((side, axis) => (axis === open ? sizeOf(from) / rest : side));
}

function reduced(
  b: GraphBuilder,
  x: Node,
  axis: number | number[] | null | undefined,
  keepDims: boolean | undefined,
  reduce: (x: Node, axes: number[]) => Node,
): Node {
  const all = x.shape.map((_, i) => i);
  const axes = axis === null || axis === undefined ? all : [axis].flat().map((i) => wrap(i, x.shape.length));
  const result = reduce(x, axes);
  return keepDims === true ? b.reshape(result, keepAxes(x.shape, axes)) : result;
}

/** `x` minus its maximum along `axis`; the shift carries no gradient, because it cancels. */
function shifted(b: GraphBuilder, x: Node, axis: number): Node {
  const peak = b.reshape(b.reduceMax(x, [axis]), keepAxes(x.shape, [axis]));
  return b.binary("sub", x, b.stopGradient(peak));
}

function sumAlong(b: GraphBuilder, x: Node, axis: number): Node {
  return b.reshape(b.reduceSum(x, [axis]), keepAxes(x.shape, [axis]));
}

function tile(b: GraphBuilder, x: Node, reps: readonly number[]): Node {
  // [a, b] tiled by [m, n] is [1, a, 1, b] broadcast to [m, a, n, b], read as [m a, n b].
  const spread = b.reshape(
    x,
    x.shape.flatMap((side) => [1, side]),
  );
  const repeated = b.broadcast(
    spread,
    x.shape.flatMap((side, axis) => [reps[axis]!, side]),
  );
  return b.reshape(
    repeated,
    x.shape.map((side, axis) => side * reps[axis]!),
  );
}

function activated(b: GraphBuilder, x: Node, activation: string | undefined, alpha: number): Node {
  switch (activation ?? "linear") {
    case "linear":
      return x;
    case "relu":
      return b.unary("relu", x);
    case "sigmoid":
      return b.unary("sigmoid", x);
    case "leakyrelu":
      return b.select(b.compare("less", b.splat(0), x), x, b.binary("mul", x, b.splat(alpha ?? 0.2)));
    default:
      throw refused("a fused op", `activation ${activation}`);
  }
}
