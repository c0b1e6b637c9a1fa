/**
 * Index of the first NaN or infinity among `floats[start] ... floats[end - 1]`, or -1.
 *
 * Hot: runs once per float per result. `x - x` is 0 for a finite `x` and NaN for any other, so one sum
 * says whether there is anything to look for.
 */
export function firstNonFinite(floats: Float32Array, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const x = floats[i]!;
    sum += x - x;
  }
  if (sum === 0) return -1;
  for (let i = start; i < end; i++) if (!Number.isFinite(floats[i])) return i;
  return -1;
}
