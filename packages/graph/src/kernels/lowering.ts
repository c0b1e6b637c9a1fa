import type { backend_util } from "@tensorflow/tfjs-core";
import type { GraphBuilder } from "../graph-builder.ts";
import { GraphError } from "../graph-error.ts";
import type { Dtype, Node } from "../node.ts";

type Side = [number, number] | number;

/** What TensorFlow.js hands a kernel beside its tensors; each kernel reads the names that it knows. */
export interface KernelAttributes {
  readonly activation: string | undefined;
  readonly alignCorners: boolean;
  readonly alpha: number;
  readonly axis: number | number[] | null;
  readonly batchDims: number;
  readonly begin: number[];
  readonly beginMask: number;
  readonly beta: number;
  readonly bias: number;
  readonly blockShape: number[];
  readonly blockSize: number;
  readonly clipValueMax: number;
  readonly clipValueMin: number;
  readonly constantValue: number;
  readonly crops: number[][];
  readonly dataFormat: "NHWC" | "NCHW";
  readonly depth: number;
  readonly depthRadius: number;
  readonly dilations: Side;
  readonly dim: number;
  readonly dimRoundingMode: "floor" | "round" | "ceil" | undefined;
  readonly dims: number | number[] | undefined;
  readonly dtype: string;
  readonly ellipsisMask: number;
  readonly end: number[];
  readonly endMask: number;
  readonly equation: string;
  readonly exclusive: boolean;
  readonly filterSize: Side;
  readonly halfPixelCenters: boolean;
  readonly inputShape: [number, number, number, number];
  readonly keepDims: boolean;
  readonly leakyreluAlpha: number | undefined;
  readonly mode: "reflect" | "symmetric";
  readonly newAxisMask: number;
  readonly num: number;
  readonly numOrSizeSplits: number | number[];
  readonly numSegments: number;
  readonly offValue: number;
  readonly onValue: number;
  readonly pad: Parameters<typeof backend_util.computeConv2DInfo>[4];
  readonly paddings: [number, number][];
  readonly perm: number[];
  readonly reductionIndices: number | number[];
  readonly reps: number[];
  readonly reverse: boolean;
  readonly shape: number[];
  readonly shrinkAxisMask: number;
  readonly size: number[];
  readonly start: number;
  readonly step: number;
  readonly stop: number;
  /** Of a window, and of StridedSlice one per axis. */
  readonly strides: Side & number[];
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly value: number;
  readonly varianceEpsilon: number;
}

/** The nodes of a kernel's inputs, by the names of TensorFlow.js; variadic ones are "0", "1", ... */
export type KernelInputs = { readonly [name: string]: Node };

/** From the nodes of a kernel's inputs to its result, as primitives. */
type Lowering = (b: GraphBuilder, inputs: KernelInputs, attributes: KernelAttributes) => Node | Node[];

/** Kernels of one family. Kernel names are tfjs-core's. */
export type Lowerings = { readonly [kernelName: string]: Lowering };

export function refused(what: string, instead: string): GraphError {
  return new GraphError("E_CAPTURE", `capture: ${what} has no lowering to a static graph; ${instead}`);
}

/** The same lowerings, which refuse tensors of other types than `dtypes` and say how to cast them. */
export function taking(dtypes: readonly Dtype[], lowerings: Lowerings): Lowerings {
  const guarded = Object.entries(lowerings).map(([kernel, lower]): [string, Lowering] => [
    kernel,
    (b, inputs, attributes) => {
      const wrong = Object.values(inputs).find(({ dtype }) => !dtypes.includes(dtype));
      if (wrong !== undefined) {
        throw refused(
          `${kernel} of ${wrong.dtype}`,
          `it takes ${dtypes.join(" or ")}: cast with tf.cast first`,
        );
      }
      return lower(b, inputs, attributes);
    },
  ]);
  return Object.fromEntries(guarded);
}

/** The type that can hold the values of both: bool, then int32, then float32. */
export function commonDtype(a: Dtype, b: Dtype): Dtype {
  const order: readonly Dtype[] = ["bool", "int32", "float32"];
  return order[Math.max(order.indexOf(a), order.indexOf(b))]!;
}

export function dtypeOf(dtype: string): Dtype {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new GraphError("E_CAPTURE", `capture: expected float32, int32 or bool, got ${dtype}`);
}

/** `index` counted from the front. */
export function wrap(index: number, length: number): number {
  return index < 0 ? index + length : index;
}

export function oneAxis(axis: number | number[] | null, rank: number): number {
  return wrap(Array.isArray(axis) ? axis[0]! : (axis ?? 0), rank);
}

/** An int32 vector of known values. */
export function integers(b: GraphBuilder, values: readonly number[]): Node {
  return b.constant(Int32Array.from(values), [values.length], "int32");
}
