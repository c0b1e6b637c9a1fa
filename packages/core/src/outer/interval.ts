/** A mean over tasks with its 95 % confidence interval, mean +- ci95. */
export interface Interval {
  readonly mean: number;
  /** 1.96 standard errors; 0 for a single value. */
  readonly ci95: number;
  readonly count: number;
}

/**
 * The mean of `values` and 1.96 s / sqrt(n), with s the sample standard deviation (n - 1).
 *
 * Summed in order, in float64: the same values in the same order give the same bits.
 */
export function interval(values: ArrayLike<number>): Interval {
  const count = values.length;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]!;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (values[i]! - mean) ** 2;
  const ci95 = count > 1 ? 1.96 * Math.sqrt(squares / (count - 1) / count) : 0;
  return { mean, ci95, count };
}
