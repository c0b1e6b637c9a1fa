import type { GraphBuilder } from "../graph-builder.ts";
import type { Node } from "../node.ts";
import { dtypeOf, integers, type Lowerings } from "./lowering.ts";

/** Tensors of known values, and values of another type. */
export const creationKernels: Lowerings = {
  Identity: (_, { x }) => x!,
  Cast: (b, { x }, { dtype }) => castTo(b, x!, dtype),
  ZerosLike: (b, { x }) => b.splat(0, x!.shape, x!.dtype),
  OnesLike: (b, { x }) => b.splat(1, x!.shape, x!.dtype),
  Fill: (b, _, { shape, value, dtype }) => b.splat(value, shape, dtypeOf(dtype ?? "float32")),
  Range: (b, _, { start, stop, step, dtype }) => {
    // As in TensorFlow.js, the default step 1 also counts down.
    const by = stop < start && step === 1 ? -1 : step;
    const values = ramp(start, by, Math.max(0, Math.ceil((stop - start) / by)));
    return b.cast(b.constant(Float32Array.from(values), [values.length], "float32"), dtypeOf(dtype));
  },
  LinSpace: (b, _, { start, stop, num }) =>
    b.constant(Float32Array.from(ramp(start, (stop - start) / (num - 1), num)), [num], "float32"),
  OneHot: (b, { indices }, { depth, onValue, offValue, dtype }) => {
    const classes = integers(b, ramp(0, 1, depth));
    const hit = b.compare("equal", b.reshape(indices!, [...indices!.shape, 1]), classes);
    const to = dtypeOf(dtype ?? "int32");
    return b.select(hit, b.splat(onValue, [], to), b.splat(offValue, [], to));
  },
  // The values on the diagonal of a square, whose both sides have the shape of x
  Diag: (b, { x }) => {
    const size = x!.shape.reduce((product, side) => product * side, 1);
    const places = integers(b, ramp(0, 1, size));
    const isDiagonal = b.compare("equal", b.reshape(places, [size, 1]), places);
    const square = b.select(isDiagonal, b.reshape(x!, [size, 1]), b.splat(0, [], x!.dtype));
    return b.reshape(square, [...x!.shape, ...x!.shape]);
  },
};

/** start, start + step, ...: `count` of them, none rounded before the next. */
export function ramp(start: number, step: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** Casts as TensorFlow.js does: floats are truncated towards zero, numbers are true unless 0. */
function castTo(b: GraphBuilder, x: Node, dtype: string): Node {
  const to = dtypeOf(dtype);
  return to === "bool" && x.dtype !== "bool"
    ? b.not(b.compare("equal", x, b.splat(0, [], x.dtype)))
    : b.cast(x, to);
}
