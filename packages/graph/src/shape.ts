import { GraphError } from "./graph-error.ts";
import { type Shape, sameShape } from "./node.ts";

/** The NumPy broadcast of two shapes. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new GraphError("E_SHAPE", `shapes [${a}] and [${b}] do not broadcast: ${x} against ${y}`);
    }
    shape.push(x === 1 ? y : x);
  }
  return shape;
}

/** `shape` with ones in front up to `rank`. */
export function padRank(shape: Shape, rank: number): Shape {
  return [...new Array<number>(rank - shape.length).fill(1), ...shape];
}

/** `shape` with every axis of `axes` set to 1. */
export function keepAxes(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((side, axis) => (axes.includes(axis) ? 1 : side));
}

/** Strides of a row-major array, in elements. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}
