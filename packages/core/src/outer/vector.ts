/** Adds `values` to `sum` in place, element by element in float32. Hot: once per float per block. */
export function addInto(sum: Float32Array, values: Float32Array): void {
  if (sum.length !== values.length)
    throw new RangeError(`addInto: ${sum.length} against ${values.length} floats`);
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
}

/** `params + update`, a new float32 vector of the same length. */
export function applyUpdate(params: Float32Array, update: Float32Array): Float32Array {
  const next = params.slice();
  addInto(next, update);
  return next;
}

/** Each element of `gradient` cut to [-bound, bound], as a new vector; `bound` > 0. */
export function clip(gradient: Float32Array, bound: number): Float32Array {
  return gradient.map((value) => Math.min(Math.max(value, -bound), bound));
}
