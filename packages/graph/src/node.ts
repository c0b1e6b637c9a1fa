/**
 * The intermediate representation: a small closed set of typed primitives.
 *
 * A graph is the nodes reachable from its outputs. Nodes are immutable and hash-consed by a
 * `GraphBuilder`, so equal expressions are one node; shapes are always known. The set is closed under
 * differentiation (`gradient-rules.ts`), so gradients of any order stay inside it.
 */

export type Dtype = "float32" | "int32" | "bool";
export type Shape = readonly number[];
/** Values of a constant: float32, int32, or bool as 0 and 1. */
export type ConstantData = Float32Array | Int32Array | Uint8Array;

/** Where a window lies: output `o`, tap `k` reads input `o * stride + k * dilation - padBefore`. */
export interface Window {
  /** `[height, width]` of the kernel. */
  readonly size: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padBefore: readonly [number, number];
}

/** float32 -> float32, element by element. */
export type UnaryPrimitive =
  | "neg"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sqrt"
  | "sin"
  | "cos"
  | "atan"
  | "tanh"
  | "sigmoid"
  | "erf"
  | "relu"
  | "abs"
  | "sign"
  | "floor";

/** Element by element with NumPy broadcasting. */
export type BinaryPrimitive = "add" | "sub" | "mul" | "div" | "max" | "min" | "pow";
export type ComparePrimitive = "equal" | "less" | "lessEqual";
export type LogicalPrimitive = "and" | "or";

type NoAttributes = { readonly [key: string]: never };

/** The attributes of each primitive. Images are NHWC, filters `[height, width, in, out]`. */
export type PrimitiveAttributes = Record<
  UnaryPrimitive | BinaryPrimitive | ComparePrimitive | LogicalPrimitive,
  NoAttributes
> & {
  /** An argument of the graph. */
  input: { readonly index: number; readonly name: string };
  constant: { readonly data: ConstantData };
  /** The variable of a gradient: equal to its input in value, never merged with it (see `grad.ts`). */
  variable: { readonly tag: number };
  /** The identity, with no gradient. */
  stopGradient: NoAttributes;
  not: NoAttributes;
  /** `inputs[0] ? inputs[1] : inputs[2]`, with broadcasting. */
  select: NoAttributes;
  cast: { readonly to: Dtype };
  reshape: NoAttributes;
  /** Output axis `i` is input axis `permutation[i]`. */
  transpose: { readonly permutation: readonly number[] };
  /** NumPy broadcasting to the node's shape. */
  broadcast: NoAttributes;
  /** Sum or maximum over `axes`, which go. */
  reduceSum: { readonly axes: readonly number[] };
  reduceMax: { readonly axes: readonly number[] };
  /** int32 index of the first maximum along `axis`, which goes. */
  argMax: { readonly axis: number };
  slice: { readonly begin: readonly number[] };
  /** Zeros around the input. */
  pad: { readonly before: readonly number[] };
  concat: { readonly axis: number };
  /** `inputs[0]` at the int32 `inputs[1]` along `axis`; one with a `copy` number is not shared with equal ones. */
  gather: { readonly axis: number; readonly copy?: number };
  /** Adjoint of `gather`: adds `inputs[0]` into zeros of size `size` at `inputs[1]` along `axis`. */
  scatterAdd: { readonly axis: number; readonly size: number };
  /** `[..., n, k] x [..., k, m]` with equal leading axes; each side may be transposed. */
  matMul: { readonly transposeA: boolean; readonly transposeB: boolean };
  /**
   * F(x, w): `[N, H, W, C]`, filter -> `[N, OH, OW, O]`. Leading axes, the same on both sides, are
   * examples that each have their own filter (`vmap`); so too in the two below.
   */
  conv: { readonly window: Window };
  /** BI(dy, w): the adjoint of F in x. */
  convInputGrad: { readonly window: Window };
  /** BF(x, dy): the adjoint of F in w. */
  convFilterGrad: { readonly window: Window };
  /** `inputs[1]` at the first maximum of `inputs[0]` in each window; linear in `inputs[1]`. */
  poolSelect: { readonly window: Window };
  /** Adjoint of `poolSelect`: adds `inputs[1]` into zeros at the first maxima of `inputs[0]`. */
  poolScatter: { readonly window: Window };
};

export type Primitive = keyof PrimitiveAttributes;

export interface NodeOf<P extends Primitive> {
  readonly id: number;
  readonly op: P;
  readonly inputs: readonly Node[];
  readonly attributes: PrimitiveAttributes[P];
  readonly shape: Shape;
  readonly dtype: Dtype;
}

export type Node = { [P in Primitive]: NodeOf<P> }[Primitive];

export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const side of shape) size *= side;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((side, axis) => side === b[axis]);
}

/** Every node that `outputs` need, inputs before users. */
export function topologicalOrder(outputs: readonly Node[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, number>();
  const stack: Node[] = [...outputs].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    const next = state.get(node) ?? 0;
    if (next < node.inputs.length) {
      state.set(node, next + 1);
      const input = node.inputs[next]!;
      if (!state.has(input)) stack.push(input);
      continue;
    }
    stack.pop();
    if (next === node.inputs.length) {
      order.push(node);
      state.set(node, next + 1);
    }
  }
  return order;
}
