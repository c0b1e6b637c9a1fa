import { createHash } from "node:crypto";
import { evaluateBinary, evaluateUnary } from "./evaluate-elementwise.ts";
import { GraphError } from "./graph-error.ts";
import type {
  BinaryPrimitive,
  ComparePrimitive,
  ConstantData,
  Dtype,
  LogicalPrimitive,
  Node,
  Primitive,
  PrimitiveAttributes,
  Shape,
  UnaryPrimitive,
  Window,
} from "./node.ts";
import { sameShape, sizeOf } from "./node.ts";
import { broadcastShapes, padRank } from "./shape.ts";
import { simplifyBinary, simplifyNegation } from "./simplify-elementwise.ts";
import { simplifySumOverAxes } from "./simplify-sum-over-axes.ts";
import { splatValue } from "./splat.ts";

/**
 * Makes nodes: infers shapes, merges equal expressions, and simplifies what is always simpler.
 *
 * The simplifications are local and exact up to float rounding: splats (one value everywhere) stay
 * scalars, broadcasts move behind element-wise ops, adjacent reshapes, transposes, slices and sums
 * merge, products with a zero splat vanish.
 */
export class GraphBuilder {
  readonly #known = new Map<string, Node>();
  #nodeCount = 0;
  #tagCount = 0;

  #make<P extends Primitive>(
    op: P,
    inputs: readonly Node[],
    attributes: PrimitiveAttributes[P],
    shape: Shape,
    dtype: Dtype,
  ): Node {
    const content =
      op === "constant" ? digest((attributes as { data: ConstantData }).data) : JSON.stringify(attributes);
    const key = `${op}|${inputs.map((node) => node.id).join()}|${shape.join()}|${dtype}|${content}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const node = { id: this.#nodeCount++, op, inputs, attributes, shape, dtype } as unknown as Node;
    this.#known.set(key, node);
    return node;
  }

  input(name: string, index: number, shape: Shape, dtype: Dtype): Node {
    return this.#make("input", [], { index, name }, shape, dtype);
  }

  constant(data: ConstantData, shape: Shape, dtype: Dtype): Node {
    if (data.length !== sizeOf(shape)) {
      throw new GraphError(
        "E_SHAPE",
        `constant: expected ${sizeOf(shape)} values for [${shape}], got ${data.length}`,
      );
    }
    if (data.length > 0 && data.every((value) => Object.is(value, data[0])))
      return this.splat(data[0]!, shape, dtype);
    return this.#make("constant", [], { data }, shape, dtype);
  }

  /** One value everywhere: a scalar constant, broadcast. */
  splat(value: number, shape: Shape = [], dtype: Dtype = "float32"): Node {
    return this.broadcast(this.#make("constant", [], { data: arrayOf(dtype, [value]) }, [], dtype), shape);
  }

  /** A fresh variable with the value of `x`; each call makes another node. */
  variable(x: Node): Node {
    return this.#make("variable", [x], { tag: this.#tagCount++ }, x.shape, x.dtype);
  }

  stopGradient(x: Node): Node {
    return this.#make("stopGradient", [x], {}, x.shape, x.dtype);
  }

  unary(op: UnaryPrimitive, x: Node): Node {
    if (x.op === "broadcast") return this.broadcast(this.unary(op, x.inputs[0]!), x.shape);
    const value = splatValue(x);
    if (value !== null && x.dtype === "float32") return this.splat(evaluateUnary(op, value), x.shape);
    if (op === "relu" && x.op === "relu") return x;
    const simpler = op === "neg" ? simplifyNegation(this, x) : null;
    if (simpler !== null) return simpler;
    return this.#make(op, [x], {}, x.shape, x.dtype);
  }

  binary(op: BinaryPrimitive, left: Node, right: Node): Node {
    if (left.dtype !== right.dtype) {
      throw new GraphError("E_SHAPE", `${op}: expected equal dtypes, got ${left.dtype} and ${right.dtype}`);
    }
    const shape = broadcastShapes(left.shape, right.shape);
    const [a, b] = [behindBroadcast(left), behindBroadcast(right)];
    const inner = broadcastShapes(a.shape, b.shape);
    if (!sameShape(inner, shape)) return this.broadcast(this.binary(op, a, b), shape);
    const [x, y] = [splatValue(a), splatValue(b)];
    if (x !== null && y !== null) return this.splat(evaluateBinary(op, x, y), shape, a.dtype);
    const simpler = simplifyBinary(this, op, a, b);
    if (simpler !== null) return this.broadcast(simpler, shape);
    const swap = (op === "add" || op === "mul" || op === "max" || op === "min") && a.id > b.id;
    return this.#make(op, swap ? [b, a] : [a, b], {}, shape, a.dtype);
  }

  compare(op: ComparePrimitive, left: Node, right: Node): Node {
    const shape = broadcastShapes(left.shape, right.shape);
    const [a, b] = [behindBroadcast(left), behindBroadcast(right)];
    const inner = broadcastShapes(a.shape, b.shape);
    return this.broadcast(this.#make(op, [a, b], {}, inner, "bool"), shape);
  }

  logical(op: LogicalPrimitive, left: Node, right: Node): Node {
    return this.#make(op, [left, right], {}, broadcastShapes(left.shape, right.shape), "bool");
  }

  not(x: Node): Node {
    if (x.op === "not") return x.inputs[0]!;
    return this.#make("not", [x], {}, x.shape, "bool");
  }

  select(condition: Node, yes: Node, no: Node): Node {
    const shape = broadcastShapes(condition.shape, broadcastShapes(yes.shape, no.shape));
    if (yes === no) return this.broadcast(yes, shape);
    const [c, a, b] = [behindBroadcast(condition), behindBroadcast(yes), behindBroadcast(no)];
    const inner = broadcastShapes(c.shape, broadcastShapes(a.shape, b.shape));
    return this.broadcast(this.#make("select", [c, a, b], {}, inner, a.dtype), shape);
  }

  cast(x: Node, to: Dtype): Node {
    if (x.dtype === to) return x;
    if (x.op === "broadcast") return this.broadcast(this.cast(x.inputs[0]!, to), x.shape);
    if (x.op === "constant") return this.constant(arrayOf(to, x.attributes.data), x.shape, to);
    return this.#make("cast", [x], { to }, x.shape, to);
  }

  reshape(x: Node, shape: Shape): Node {
    if (sizeOf(x.shape) !== sizeOf(shape)) {
      throw new GraphError("E_SHAPE", `reshape: [${x.shape}] does not fit [${shape}]`);
    }
    if (sameShape(x.shape, shape)) return x;
    if (x.op === "reshape") return this.reshape(x.inputs[0]!, shape);
    if (x.op === "constant") return this.#make("constant", [], x.attributes, shape, x.dtype);
    if (x.op === "broadcast" && sizeOf(x.inputs[0]!.shape) === 1) {
      return this.broadcast(this.reshape(x.inputs[0]!, []), shape);
    }
    return this.#make("reshape", [x], {}, shape, x.dtype);
  }

  transpose(x: Node, permutation: readonly number[]): Node {
    const shape = permutation.map((axis) => x.shape[axis]!);
    const moving = permutation.filter((axis) => x.shape[axis] !== 1);
    if (moving.every((axis, i) => i === 0 || axis > moving[i - 1]!)) return this.reshape(x, shape);
    if (x.op === "transpose") {
      const before = x.attributes.permutation;
      return this.transpose(
        x.inputs[0]!,
        permutation.map((axis) => before[axis]!),
      );
    }
    if (x.op === "broadcast") {
      const inner = this.reshape(x.inputs[0]!, padRank(x.inputs[0]!.shape, x.shape.length));
      return this.broadcast(this.transpose(inner, permutation), shape);
    }
    return this.#make("transpose", [x], { permutation: [...permutation] }, shape, x.dtype);
  }

  broadcast(x: Node, shape: Shape): Node {
    if (sameShape(x.shape, shape)) return x;
    if (!sameShape(broadcastShapes(x.shape, shape), shape)) {
      throw new GraphError("E_SHAPE", `broadcast: [${x.shape}] does not broadcast to [${shape}]`);
    }
    if (sizeOf(x.shape) === sizeOf(shape)) return this.reshape(x, shape);
    if (x.op === "broadcast") return this.broadcast(x.inputs[0]!, shape);
    return this.#make("broadcast", [x], {}, shape, x.dtype);
  }

  /** Sum over `axes`, which go. */
  reduceSum(x: Node, axes: readonly number[]): Node {
    const shape = x.shape.filter((_, axis) => !axes.includes(axis));
    const acting = axes.filter((axis) => x.shape[axis] !== 1).sort((a, b) => a - b);
    if (acting.length === 0) return this.reshape(x, shape);
    if (x.op === "reduceSum") {
      const gone = x.attributes.axes;
      const left = x.inputs[0]!.shape.map((_, axis) => axis).filter((axis) => !gone.includes(axis));
      return this.reduceSum(x.inputs[0]!, [...gone, ...axes.map((axis) => left[axis]!)]);
    }
    const simpler = simplifySumOverAxes(this, x, acting);
    if (simpler !== null) return this.reshape(simpler, shape);
    const left = x.shape.filter((_, axis) => !acting.includes(axis));
    return this.reshape(this.#make("reduceSum", [x], { axes: acting }, left, x.dtype), shape);
  }

  /** Maximum over `axes`, which go. */
  reduceMax(x: Node, axes: readonly number[]): Node {
    const shape = x.shape.filter((_, axis) => !axes.includes(axis));
    const acting = axes.filter((axis) => x.shape[axis] !== 1).sort((a, b) => a - b);
    if (acting.length === 0) return this.reshape(x, shape);
    const left = x.shape.filter((_, axis) => !acting.includes(axis));
    return this.reshape(this.#make("reduceMax", [x], { axes: acting }, left, x.dtype), shape);
  }

  argMax(x: Node, axis: number): Node {
    const shape = x.shape.filter((_, i) => i !== axis);
    return this.#make("argMax", [x], { axis }, shape, "int32");
  }

  slice(x: Node, begin: readonly number[], shape: Shape): Node {
    if (begin.some((first, axis) => first < 0 || first + shape[axis]! > x.shape[axis]!)) {
      throw new GraphError("E_SHAPE", `slice: [${begin}] + [${shape}] is outside of [${x.shape}]`);
    }
    if (sameShape(x.shape, shape)) return x;
    if (x.op === "slice") {
      const outer = x.attributes.begin;
      return this.slice(
        x.inputs[0]!,
        begin.map((first, axis) => first + outer[axis]!),
        shape,
      );
    }
    if (x.op === "broadcast" && sizeOf(x.inputs[0]!.shape) === 1)
      return this.broadcast(this.reshape(x.inputs[0]!, []), shape);
    if (x.op === "concat") {
      const axis = x.attributes.axis;
      let start = 0;
      for (const part of x.inputs) {
        const end = start + part.shape[axis]!;
        if (begin[axis]! >= start && begin[axis]! + shape[axis]! <= end) {
          return this.slice(
            part,
            begin.map((first, i) => (i === axis ? first - start : first)),
            shape,
          );
        }
        start = end;
      }
    }
    return this.#make("slice", [x], { begin: [...begin] }, shape, x.dtype);
  }

  pad(x: Node, before: readonly number[], shape: Shape): Node {
    if (sameShape(x.shape, shape)) return x;
    if (splatValue(x) === 0) return this.splat(0, shape, x.dtype);
    return this.#make("pad", [x], { before: [...before] }, shape, x.dtype);
  }

  concat(parts: readonly Node[], axis: number): Node {
    const [first, ...rest] = parts;
    if (first === undefined)
      throw new GraphError("E_SHAPE", "concat: expected at least one tensor, got none");
    if (rest.length === 0) return first;
    const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
    const shape = first.shape.map((side, i) => (i === axis ? total : side));
    return this.#make("concat", parts, { axis }, shape, first.dtype);
  }

  /** @param isShared false: each call makes another node, for what is cheaper to compute again than to keep */
  gather(x: Node, indices: Node, axis: number, isShared = true): Node {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    if (splatValue(x) !== null) return this.broadcast(this.reshape(behindBroadcast(x), []), shape);
    const attributes = isShared ? { axis } : { axis, copy: this.#tagCount++ };
    return this.#make("gather", [x, indices], attributes, shape, x.dtype);
  }

  scatterAdd(updates: Node, indices: Node, axis: number, size: number): Node {
    const after = updates.shape.slice(axis + indices.shape.length);
    const shape = [...updates.shape.slice(0, axis), size, ...after];
    if (splatValue(updates) === 0) return this.splat(0, shape, updates.dtype);
    return this.#make("scatterAdd", [updates, indices], { axis, size }, shape, updates.dtype);
  }

  matMul(left: Node, right: Node, transposeA = false, transposeB = false): Node {
    const [a, flipA] = behindTranspose(left, transposeA);
    const [b, flipB] = behindTranspose(right, transposeB);
    const rank = a.shape.length;
    const [n, k] = flipA
      ? [a.shape[rank - 1]!, a.shape[rank - 2]!]
      : [a.shape[rank - 2]!, a.shape[rank - 1]!];
    const [k2, m] = flipB
      ? [b.shape[rank - 1]!, b.shape[rank - 2]!]
      : [b.shape[rank - 2]!, b.shape[rank - 1]!];
    if (rank !== b.shape.length || k !== k2 || !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))) {
      throw new GraphError("E_SHAPE", `matMul: [${left.shape}] and [${right.shape}] do not multiply`);
    }
    const shape = [...a.shape.slice(0, -2), n!, m!];
    if (splatValue(a) === 0 || splatValue(b) === 0) return this.splat(0, shape);
    return this.#make("matMul", [a, b], { transposeA: flipA, transposeB: flipB }, shape, "float32");
  }

  conv(x: Node, filter: Node, window: Window, outputSides: readonly [number, number]): Node {
    const shape = [...x.shape.slice(0, -3), ...outputSides, filter.shape.at(-1)!];
    if (splatValue(x) === 0 || splatValue(filter) === 0) return this.splat(0, shape);
    return this.#make("conv", [x, filter], { window }, shape, "float32");
  }

  convInputGrad(dy: Node, filter: Node, window: Window, inputSides: readonly [number, number]): Node {
    const shape = [...dy.shape.slice(0, -3), ...inputSides, filter.shape.at(-2)!];
    if (splatValue(dy) === 0 || splatValue(filter) === 0) return this.splat(0, shape);
    return this.#make("convInputGrad", [dy, filter], { window }, shape, "float32");
  }

  convFilterGrad(x: Node, dy: Node, window: Window): Node {
    const shape = [...x.shape.slice(0, -4), ...window.size, x.shape.at(-1)!, dy.shape.at(-1)!];
    if (splatValue(x) === 0 || splatValue(dy) === 0) return this.splat(0, shape);
    return this.#make("convFilterGrad", [x, dy], { window }, shape, "float32");
  }

  poolSelect(reference: Node, x: Node, window: Window, outputSides: readonly [number, number]): Node {
    const shape = [x.shape[0]!, ...outputSides, x.shape[3]!];
    if (splatValue(x) !== null) return this.broadcast(this.reshape(behindBroadcast(x), []), shape);
    return this.#make("poolSelect", [reference, x], { window }, shape, "float32");
  }

  poolScatter(reference: Node, dy: Node, window: Window): Node {
    if (splatValue(dy) === 0) return this.splat(0, reference.shape);
    return this.#make("poolScatter", [reference, dy], { window }, reference.shape, "float32");
  }
}

/** `node` without a broadcast, or a reshape that only adds ones in front: NumPy broadcasting does both. */
function behindBroadcast(node: Node): Node {
  if (node.op === "broadcast") return behindBroadcast(node.inputs[0]!);
  if (node.op === "reshape" && sameShape(withoutLeadingOnes(node.shape), node.inputs[0]!.shape))
    return node.inputs[0]!;
  return node;
}

function withoutLeadingOnes(shape: Shape): Shape {
  const first = shape.findIndex((side) => side !== 1);
  return first === -1 ? [] : shape.slice(first);
}

/** Takes a swap of the last two axes into the flag of a matrix product. */
function behindTranspose(node: Node, flag: boolean): [Node, boolean] {
  if (node.op !== "transpose") return [node, flag];
  const permutation = node.attributes.permutation;
  const rank = permutation.length;
  const swapsLast =
    permutation[rank - 1] === rank - 2 &&
    permutation[rank - 2] === rank - 1 &&
    permutation.slice(0, -2).every((axis, i) => axis === i);
  return swapsLast ? [node.inputs[0]!, !flag] : [node, flag];
}

function arrayOf(dtype: Dtype, values: ArrayLike<number>): ConstantData {
  if (dtype === "float32") return Float32Array.from(values);
  if (dtype === "int32") return Int32Array.from(values);
  return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
}

/** Digests by array: an index table is the constant of many gathers. */
const digests = new WeakMap<ConstantData, string>();

function digest(data: ConstantData): string {
  if (data.length === 1) return String(Object.is(data[0], -0) ? "-0" : data[0]);
  const known = digests.get(data);
  if (known !== undefined) return known;
  const made = createHash("sha256")
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest("base64");
  digests.set(data, made);
  return made;
}
