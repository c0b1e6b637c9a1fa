import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { openSinusoid } from "./sinusoid.ts";

const config = { source: "sinusoid", shots: 10, queries: 15, evaluationQueries: 20 } as const;
const source = openSinusoid(config, 1);

/** Least-squares fit of y = a sin x + b cos x; returns amplitude, phase and the largest residual. */
function fit(
  x: Float32Array,
  y: Float32Array | Int32Array,
): { amplitude: number; phase: number; error: number } {
  let [ss, sc, cc, sy, cy] = [0, 0, 0, 0, 0];
  x.forEach((value, i) => {
    const [s, c] = [Math.sin(value), Math.cos(value)];
    ss += s * s;
    sc += s * c;
    cc += c * c;
    sy += s * y[i]!;
    cy += c * y[i]!;
  });
  const determinant = ss * cc - sc * sc;
  const a = (sy * cc - cy * sc) / determinant;
  const b = (cy * ss - sy * sc) / determinant;
  let error = 0;
  x.forEach((value, i) => {
    error = Math.max(error, Math.abs(a * Math.sin(value) + b * Math.cos(value) - y[i]!));
  });
  // A sin(x - p) = A cos p sin x - A sin p cos x, so a = A cos p and b = -A sin p.
  return { amplitude: Math.hypot(a, b), phase: Math.atan2(-b, a), error };
}

test("support and query lie on one sine wave of the published ranges", () => {
  for (let index = 0; index < 200; index++) {
    const { support, query } = source.episode("train", index);
    const wave = fit(support.x, support.y);
    const ofQuery = fit(query.x, query.y);
    // float32 has 24 bits: 5 * 2^-24 = 3e-7 per value, and the fit may magnify it.
    expect(wave.error).toBeLessThan(1e-5);
    expect(ofQuery.error).toBeLessThan(1e-5);
    expect(ofQuery.amplitude).toBeCloseTo(wave.amplitude, 3);
    expect(wave.amplitude).toBeGreaterThan(0.0999);
    expect(wave.amplitude).toBeLessThan(5.0001);
    expect(wave.phase).toBeGreaterThan(-0.001);
    expect(wave.phase).toBeLessThan(Math.PI + 0.001);
    expect(support.x.every((x) => x >= -5 && x <= 5)).toBe(true);
  }
});

// Uniform on [0.1, 5]: mean 2.55, sd 4.9 / sqrt(12) = 1.41; of 2,000 tasks the mean's sd is 0.032.
test("amplitudes are uniform on the average", () => {
  let sum = 0;
  for (let index = 0; index < 2000; index++) {
    const { support } = source.episode("test", index);
    sum += fit(support.x, support.y).amplitude;
  }
  expect(Math.abs(sum / 2000 - 2.55)).toBeLessThan(4 * 0.032);
});

// Recorded once. All arithmetic is exact or correctly rounded, so every machine has these bytes.
test("the episodes of a seed have the same bytes on every machine", () => {
  const hash = createHash("sha256");
  for (let index = 0; index < 100; index++) {
    const { support, query } = source.episode("train", index);
    for (const array of [support.x, support.y, query.x, query.y]) hash.update(array);
  }
  expect(hash.digest("hex")).toBe("e082bef1b940f9f7c47ce1195a37f12dcacff019e16ccb6147158e478790d9d9");
});
