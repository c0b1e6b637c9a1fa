/**
 * The quantile of the standard normal distribution, for 1e-10 < p < 1 - 1e-10.
 *
 * Rational approximations with a relative error of about 1e-16. Only correctly rounded operations are
 * used (`+ - * / sqrt`, and a logarithm made of them), so that every engine gives the same bits.
 *
 * @see Wichura 1988, Algorithm AS 241 (PPND16), Applied Statistics 37
 */
export function normalQuantile(p: number): number {
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTER_OVER, r)) / polynomial(CENTER_UNDER, r);
  }
  const r = Math.sqrt(-logarithm(q < 0 ? p : 1 - p)) - 1.6;
  const distance = polynomial(TAIL_OVER, r) / polynomial(TAIL_UNDER, r);
  return q < 0 ? -distance : distance;
}

/** Coefficients from the constant up. */
const CENTER_OVER = [
  3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987,
  67265.7709270087, 33430.57558358813, 2509.0809287301227,
];
const CENTER_UNDER = [
  1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
  28729.085735721943, 5226.495278852854,
];
const TAIL_OVER = [
  1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
  0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
];
const TAIL_UNDER = [
  1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
  0.0005475938084995344, 1.0507500716444169e-9,
];

function polynomial(coefficients: readonly number[], x: number): number {
  return coefficients.reduceRight((sum, coefficient) => sum * x + coefficient, 0);
}

/** ln x for 0 < x < 1: x = m 2^-k with m in [0.75, 1.5), and ln m = 2 atanh((m - 1) / (m + 1)). */
function logarithm(x: number): number {
  let [m, k] = [x, 0];
  while (m < 0.75) [m, k] = [m * 2, k + 1];
  const z = (m - 1) / (m + 1);
  // z < 0.2: the first term left out is 2 z^25 / 25 < 1e-18.
  let series = 0;
  for (let n = 23; n >= 1; n -= 2) series = series * z * z + 1 / n;
  return 2 * z * series - k * Math.LN2;
}
