/**
 * Elementary functions with the same bits on every machine.
 *
 * ECMAScript leaves the rounding of `Math.sin`, `Math.cos` and `Math.exp` to the engine, and engines
 * differ. These are Taylor polynomials in Horner's form: additions and multiplications only, which
 * IEEE 754 rounds exactly. Their error is below 1e-14 (absolute for sine and cosine with |x| < 100,
 * relative for the exponential), far below the float32 and uint8 that episodes are made of.
 */

/** sin(x), |x| < 100. x = k * pi + r with |r| <= pi / 2, and sin(x) = (-1)^k sin(r). */
export function sine(x: number): number {
  const k = Math.round(x / Math.PI);
  const r = x - k * Math.PI;
  const r2 = r * r;
  // sin r = r (1 - r2 / (2 * 3) (1 - r2 / (4 * 5) (1 - ...))); the first term left out is r^25 / 25!.
  let series = 1;
  for (let n = 11; n >= 1; n--) series = 1 - (r2 / (2 * n * (2 * n + 1))) * series;
  return k % 2 === 0 ? r * series : -r * series;
}

/** cos(x) = sin(x + pi / 2), |x| < 98. */
export function cosine(x: number): number {
  return sine(x + Math.PI / 2);
}

/** exp(x), |x| < 20: exp(x) = exp(x / 32)^32, where the series for |x / 32| < 1 ends at 1 / 17!. */
export function exponential(x: number): number {
  const r = x / 32;
  let series = 1;
  for (let n = 16; n >= 1; n--) series = 1 + (r / n) * series;
  for (let squaring = 0; squaring < 5; squaring++) series *= series;
  return series;
}
