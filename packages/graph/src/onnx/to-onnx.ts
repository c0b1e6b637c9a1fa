import type { Graph } from "../graph.ts";
import { GraphError } from "../graph-error.ts";
import { type Node, type NodeOf, type Primitive, sizeOf, topologicalOrder } from "../node.ts";
import { type OnnxGraph, type OnnxNode, type OnnxTensor, onnxTypeOf } from "./onnx-format.ts";
import { writeConvolution } from "./write-convolution.ts";

/** Collects the nodes and constants of one ONNX graph. */
export interface Writer {
  readonly blockSize: number | null;
  readonly nodes: OnnxNode[];
  readonly initializers: OnnxTensor[];
  /** Adds an int64 list, once per content; returns its name. */
  integers(values: readonly number[]): string;
  /** Adds a float32 scalar, once per value; returns its name. */
  scalar(value: number): string;
  /** Lets `emit` add the nodes that make `name`, once; returns the name. */
  once(name: string, emit: () => void): string;
}

/** Primitives whose ONNX operator takes the same inputs and no attributes. */
const sameOperator: { readonly [P in Primitive]?: string } = {
  neg: "Neg",
  exp: "Exp",
  log: "Log",
  sqrt: "Sqrt",
  sin: "Sin",
  cos: "Cos",
  atan: "Atan",
  tanh: "Tanh",
  sigmoid: "Sigmoid",
  erf: "Erf",
  relu: "Relu",
  abs: "Abs",
  sign: "Sign",
  floor: "Floor",
  add: "Add",
  sub: "Sub",
  mul: "Mul",
  div: "Div",
  max: "Max",
  min: "Min",
  pow: "Pow",
  equal: "Equal",
  less: "Less",
  lessEqual: "LessOrEqual",
  and: "And",
  or: "Or",
  not: "Not",
  select: "Where",
};

/**
 * Writes a lowered graph (`passes/lower.ts`) as ONNX: input `k` is `input_k`, result `k` is `output_k`.
 *
 * @param blockSize that of lowering: the engine's direct convolution takes channels in such blocks
 */
export function toOnnx(graph: Graph, blockSize: number | null = null): OnnxGraph {
  const writer = createWriter(blockSize);
  for (const node of topologicalOrder(graph.results)) write(writer, node);
  graph.results.forEach((result, k) => {
    writer.nodes.push({ opType: "Identity", inputs: [nameOf(result)], output: `output_${k}` });
  });
  return {
    nodes: writer.nodes,
    initializers: writer.initializers,
    inputs: graph.inputs.map(({ shape, dtype }, k) => ({
      name: `input_${k}`,
      dataType: onnxTypeOf[dtype],
      dims: shape,
    })),
    outputs: graph.outputs.map(({ shape, dtype }, k) => ({
      name: `output_${k}`,
      dataType: onnxTypeOf[dtype],
      dims: shape,
    })),
  };
}

function nameOf(node: Node): string {
  return node.op === "input" ? `input_${node.attributes.index}` : `n${node.id}`;
}

function createWriter(blockSize: number | null): Writer {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const known = new Set<string>();
  return {
    blockSize,
    nodes,
    initializers,
    integers(values) {
      const name = `int64_${values.join("_")}`;
      if (!known.has(name)) {
        known.add(name);
        const data = BigInt64Array.from(values, BigInt);
        initializers.push({
          name,
          dataType: onnxTypeOf.int64,
          dims: [values.length],
          rawData: bytesOf(data),
        });
      }
      return name;
    },
    scalar(value) {
      const name = `float32_${value}`;
      if (!known.has(name)) {
        known.add(name);
        initializers.push({
          name,
          dataType: onnxTypeOf.float32,
          dims: [],
          rawData: bytesOf(Float32Array.of(value)),
        });
      }
      return name;
    },
    once(name, emit) {
      if (!known.has(name)) {
        known.add(name);
        emit();
      }
      return name;
    },
  };
}

function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function write(writer: Writer, node: Node): void {
  const inputs = node.inputs.map(nameOf);
  const output = nameOf(node);
  const emit = (opType: string, names: readonly string[], attributes: OnnxNode["attributes"] = {}): void => {
    writer.nodes.push({ opType, inputs: names, output, attributes });
  };
  const operator = sameOperator[node.op];
  if (operator !== undefined) {
    emit(operator, inputs);
    return;
  }
  switch (node.op) {
    case "input":
      return;
    case "constant": {
      const { data } = node.attributes;
      writer.initializers.push({
        name: output,
        dataType: onnxTypeOf[node.dtype],
        dims: node.shape,
        rawData: bytesOf(data),
      });
      return;
    }
    case "expm1":
      writeExpm1(writer, inputs[0]!, output);
      return;
    case "log1p":
      writeLog1p(writer, inputs[0]!, output);
      return;
    case "cast":
      emit("Cast", inputs, { to: onnxTypeOf[node.attributes.to] });
      return;
    case "reshape":
      emit("Reshape", [...inputs, writer.integers(node.shape)]);
      return;
    case "transpose":
      emit("Transpose", inputs, { perm: node.attributes.permutation });
      return;
    case "broadcast":
      emit("Expand", [...inputs, writer.integers(node.shape)]);
      return;
    case "reduceSum":
      emit("ReduceSum", [...inputs, writer.integers(node.attributes.axes)], { keepdims: 0 });
      return;
    case "reduceMax":
      emit("ReduceMax", [...inputs, writer.integers(node.attributes.axes)], { keepdims: 0 });
      return;
    case "argMax": {
      const long = `${output}_int64`;
      writer.nodes.push({
        opType: "ArgMax",
        inputs,
        output: long,
        attributes: { axis: node.attributes.axis, keepdims: 0 },
      });
      emit("Cast", [long], { to: onnxTypeOf.int32 });
      return;
    }
    case "slice": {
      const acting = node.shape.flatMap((side, axis) => (side === node.inputs[0]!.shape[axis] ? [] : [axis]));
      const begin = acting.map((axis) => node.attributes.begin[axis]!);
      const end = acting.map((axis, i) => begin[i]! + node.shape[axis]!);
      emit("Slice", [...inputs, writer.integers(begin), writer.integers(end), writer.integers(acting)]);
      return;
    }
    case "pad": {
      const from = node.inputs[0]!.shape;
      const { before } = node.attributes;
      const after = before.map((front, axis) => node.shape[axis]! - from[axis]! - front);
      emit("Pad", [...inputs, writer.integers([...before, ...after])]);
      return;
    }
    case "concat":
      emit("Concat", inputs, { axis: node.attributes.axis });
      return;
    case "gather":
      emit("Gather", inputs, { axis: node.attributes.axis });
      return;
    case "scatterAdd":
      writeScatterAdd(writer, node, inputs, output);
      return;
    case "matMul":
      writeMatMul(writer, node, inputs, output);
      return;
    case "conv":
      if (writer.blockSize === null) break;
      writeConvolution(writer, writer.blockSize, node, inputs as [string, string], output);
      return;
    default:
  }
  throw new GraphError("E_DEVICE", `onnx: the primitive ${node.op} must be lowered before`);
}

/** e^x - 1 = tanh(x / 2) (e^x + 1), which keeps its digits around 0. */
function writeExpm1(writer: Writer, x: string, output: string): void {
  const step = stepsOf(writer, output);
  const ratio = step("ratio", "Tanh", [step("half", "Mul", [x, writer.scalar(0.5)])]);
  const sum = step("sum", "Add", [step("power", "Exp", [x]), writer.scalar(1)]);
  step("", "Mul", [ratio, sum]);
}

/**
 * ln(1 + x) = ln(u) x / (u - 1) with u = 1 + x as rounded: the rounding error cancels.
 * Where u - 1 is x again, as for infinity, ln(u) is right as it is; where it is 0, x is.
 *
 * @see Goldberg 1991, theorem 4, https://doi.org/10.1145/103162.103163
 */
function writeLog1p(writer: Writer, x: string, output: string): void {
  const step = stepsOf(writer, output);
  const whole = step("whole", "Add", [x, writer.scalar(1)]);
  const rest = step("rest", "Sub", [whole, writer.scalar(1)]);
  const logarithm = step("logarithm", "Log", [whole]);
  const corrected = step("corrected", "Div", [step("product", "Mul", [logarithm, x]), rest]);
  const isExact = step("isExact", "Equal", [rest, x]);
  const isTiny = step("isTiny", "Equal", [rest, writer.scalar(0)]);
  step("", "Where", [isTiny, x, step("large", "Where", [isExact, logarithm, corrected])]);
}

type Step = (
  suffix: string,
  opType: string,
  inputs: readonly string[],
  attributes?: OnnxNode["attributes"],
) => string;

/** Emits the nodes that make up one primitive; the last, of no suffix, is its output. */
function stepsOf(writer: Writer, output: string): Step {
  return (suffix, opType, inputs, attributes = {}) => {
    const name = suffix === "" ? output : `${output}_${suffix}`;
    writer.nodes.push({ opType, inputs, output: name, attributes });
    return name;
  };
}

/** ScatterND adds whole rows, so the scattered axis is brought to the front and back. */
function writeScatterAdd(
  writer: Writer,
  node: NodeOf<"scatterAdd">,
  [updates, indices]: readonly string[],
  output: string,
): void {
  const { axis, size } = node.attributes;
  const [values, index] = node.inputs as [Node, Node];
  const rank = values.shape.length;
  const scattered = index.shape.map((_, i) => axis + i);
  const others = Array.from({ length: rank }, (_, i) => i).filter((i) => !scattered.includes(i));
  const rest = others.map((i) => values.shape[i]!);
  const step = stepsOf(writer, output);
  const front = step("front", "Transpose", [updates!], { perm: [...scattered, ...others] });
  const rows = step("rows", "Reshape", [front, writer.integers([sizeOf(index.shape), ...rest])]);
  const long = step("long", "Cast", [indices!], { to: onnxTypeOf.int64 });
  const column = step("column", "Reshape", [long, writer.integers([sizeOf(index.shape), 1])]);
  const zeros = step("zeros", "Expand", [writer.scalar(0), writer.integers([size, ...rest])]);
  const sum = step("sum", "ScatterND", [zeros, column, rows], { reduction: "add" });
  const back = [
    ...others.slice(0, axis).map((_, i) => i + 1),
    0,
    ...others.slice(axis).map((_, i) => i + axis + 1),
  ];
  step("", "Transpose", [sum], { perm: back });
}

/**
 * `A . B^T` of matrices is Gemm's. Whatever else is transposed is so before the product, which is faster than to
 * let Gemm read `A` down its columns; with a much wider `a`, `a^T . b` is `(b^T . a)^T`, so that the narrow operand
 * and the small result are transposed.
 */
function writeMatMul(
  writer: Writer,
  node: NodeOf<"matMul">,
  inputs: readonly string[],
  output: string,
): void {
  const { transposeA, transposeB } = node.attributes;
  const rank = node.shape.length;
  const swapped = [...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2];
  const transpose = (input: string, name: string): string => {
    writer.nodes.push({ opType: "Transpose", inputs: [input], output: name, attributes: { perm: swapped } });
    return name;
  };
  // Once per operand: the patches of a first layer meet a new gradient in every inner step.
  const transposed = (input: string): string =>
    writer.once(`${input}_transposed`, () => transpose(input, `${input}_transposed`));
  const [left, right] = inputs as [string, string];
  if (transposeA && !transposeB && node.shape.at(-2)! > 4 * node.shape.at(-1)!) {
    const product = `${output}_product`;
    const operands = [transposed(right), left];
    writer.nodes.push({ opType: "MatMul", inputs: operands, output: product });
    transpose(product, output);
    return;
  }
  if (rank === 2 && transposeB) {
    const attributes = { transA: Number(transposeA), transB: 1 };
    writer.nodes.push({ opType: "Gemm", inputs, output, attributes });
    return;
  }
  const operands = [transposeA ? transposed(left) : left, transposeB ? transposed(right) : right];
  writer.nodes.push({ opType: "MatMul", inputs: operands, output });
}
