import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";
import { GraphError } from "./graph-error.ts";
import { randomOps, refusedKernels } from "./kernels/refused.ts";
import { captureKernels } from "./kernels.ts";
import { listOps } from "./testing/list-ops.ts";
import { primitiveCases } from "./testing/primitive-cases.ts";
import { grad } from "./transforms.ts";

const vector = (n: number) => ({ shape: [n], dtype: "float32" as const });

beforeAll(async () => {
  await tf.setBackend("cpu");
});

async function valuesOf(fn: () => tf.Tensor): Promise<number[]> {
  const executable = await compile(capture(fn), { device: "reference" });
  return Array.from((await executable.run([]))[0]!);
}

describe("the kernels of TensorFlow.js's cpu backend", () => {
  const known = (): string[] => tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName);

  test("are all either captured or refused with a reason", () => {
    const listed = [...Object.keys(captureKernels), ...refusedKernels.keys()];
    expect(listed.toSorted()).toEqual(known().toSorted());
  });

  test("are each run by a case of primitive-cases where they are captured", async () => {
    const run = new Set<string>();
    for (const { f, shapes } of primitiveCases) {
      const { kernelNames } = await tf.profile(() =>
        tf.tidy(() => f(...shapes.map((shape) => tf.ones([...shape])))),
      );
      for (const name of kernelNames) run.add(name);
    }
    expect(Object.keys(captureKernels).filter((name) => !run.has(name))).toEqual([]);
  });

  test.each([...refusedKernels])("refuse %s by name and say what to do", (name, reason) => {
    const call = (): unknown => capture(() => tf.engine().runKernel<tf.Tensor>(name, {}));
    expect(call).toThrow(GraphError);
    expect(call).toThrow(`${name} has no lowering to a static graph; ${reason}`);
  });

  test("are named when they are of another release, or a user's own", () => {
    const call = (): unknown => capture(() => tf.engine().runKernel<tf.Tensor>("Bessel", {}));
    expect(call).toThrow(GraphError);
    expect(call).toThrow(/Bessel is unknown to capture/);
  });

  test("are listed in docs/ops.md", async () => {
    await expect(listOps()).toMatchFileSnapshot("../../../docs/ops.md");
  });
});

describe("random ops", () => {
  const draws: Record<string, (x: tf.Tensor) => tf.Tensor> = {
    dropout: (x) => tf.dropout(x, 0.5),
    rand: () => tf.rand([2], () => 0.5),
    randomGamma: () => tf.randomGamma([2], 1),
    randomNormal: () => tf.randomNormal([2]),
    randomStandardNormal: () => tf.randomStandardNormal([2]),
    randomUniform: () => tf.randomUniform([2], 0, 1, "float32", 7),
    randomUniformInt: () => tf.randomUniformInt([2], 0, 9),
    truncatedNormal: () => tf.truncatedNormal([2]),
  };

  test("are all tried here", () => {
    expect(Object.keys(draws)).toEqual([...randomOps]);
  });

  test.each(Object.keys(draws))("refuse tf.%s, with a seed too", (op) => {
    expect(() => capture(draws[op]!, vector(2))).toThrow(`tf.${op} has no lowering to a static graph`);
  });

  test("let a tensor pass that was drawn before", () => {
    const noise = tf.randomUniform([2]);
    expect(capture((x: tf.Tensor) => tf.mul(x, noise), vector(2)).results).toHaveLength(1);
  });

  test("leave dropout of rate 0 alone", () => {
    expect(capture((x: tf.Tensor) => tf.dropout(x, 0), vector(2)).results[0]!.op).toBe("input");
  });
});

describe("pools", () => {
  // With 2 around and a window of 2, the window in the corner reads nothing: it has no maximum and no mean.
  test.each([tf.maxPool, tf.avgPool])("refuse windows that lie in the padding alone", (pool) => {
    expect(() =>
      capture((x: tf.Tensor) => pool(x as tf.Tensor4D, 2, 1, 2), { shape: [1, 4, 4, 1], dtype: "float32" }),
    ).toThrow(/windows that lie in the padding alone .* pad by less/);
  });
});

describe("einsum", () => {
  // TensorFlow.js 4.22 gives a matrix here. The columns of x add up to [5, 7, 9], the rows of y to [3, 7, 11].
  test("sums a letter that one operand alone has", async () => {
    const values = await valuesOf(() =>
      tf.einsum(
        "ij,jk->j",
        tf.tensor2d([
          [1, 2, 3],
          [4, 5, 6],
        ]),
        tf.tensor2d([
          [1, 2],
          [3, 4],
          [5, 6],
        ]),
      ),
    );
    expect(values).toEqual([15, 49, 99]);
  });

  test.each(["ij,jk", "ii->i", "i...->i", "i,j,k->ijk"])("refuses the equation %s", (equation) => {
    expect(() => capture((x: tf.Tensor) => tf.einsum(equation, x, x), vector(2))).toThrow(
      /expected one or two operands/,
    );
  });

  test.each(["ij->i", "i->j", "i->ii"])("refuses %s, which does not fit a vector", (equation) => {
    expect(() => capture((x: tf.Tensor) => tf.einsum(equation, x), vector(2))).toThrow(/does not fit/);
  });
});

describe("functions at their edges", () => {
  /** f and its gradient at each of `points`. */
  async function valuesAndSlopes(
    f: (x: tf.Tensor) => tf.Tensor,
    points: readonly number[],
    device: "reference" | "cpu" = "reference",
  ): Promise<number[][]> {
    const graph = capture(
      (x: tf.Tensor) => [f(x), grad((y: tf.Tensor) => tf.sum(f(y)))(x)],
      vector(points.length),
    );
    const executable = await compile(graph, { device });
    const results = await executable.run([Float32Array.from(points)]);
    await executable.close();
    return results.map((result) => Array.from(result));
  }

  // elu and selu grow linearly: beyond where e^x overflows, too.
  test("elu and selu are finite, with their gradients, far out", async () => {
    expect(await valuesAndSlopes(tf.elu, [-1e4, 0, 1e4])).toEqual([
      [-1, 0, 1e4],
      [0, 1, 1],
    ]);
    const scale = Math.fround(1.0507009873554805);
    const [values, slopes] = await valuesAndSlopes(tf.selu, [-1e4, 0, 1e4]);
    expect(values!.slice(1)).toEqual([0, scale * 1e4]);
    expect(slopes).toEqual([0, scale, scale]);
  });

  // ln(1 + e^x) is e^x to 1e-9 at -20, and x at 1e4.
  test("softplus keeps its digits on the left and does not overflow on the right", async () => {
    const [values, slopes] = await valuesAndSlopes(tf.softplus, [-20, 1e4], "cpu");
    expect(values![0]! / Math.exp(-20)).toBeCloseTo(1, 5);
    expect(values![1]).toBe(1e4);
    expect(slopes![0]! / Math.exp(-20)).toBeCloseTo(1, 5);
    expect(slopes![1]).toBe(1);
  });

  // e^x - 1 and ln(1 + x) are x to 1e-8 at 1e-8; 1 + 1e-8 is 1 in float32.
  test("expm1 and log1p keep their digits around 0, and reach their limits", async () => {
    const infinity = Number.POSITIVE_INFINITY;
    const [powers] = await valuesAndSlopes(tf.expm1, [1e-8, 0, infinity, -infinity], "cpu");
    expect(powers![0]! / 1e-8).toBeCloseTo(1, 6);
    expect(powers!.slice(1)).toEqual([0, infinity, -1]);
    const [logarithms] = await valuesAndSlopes(tf.log1p, [1e-8, 0, infinity, -1], "cpu");
    expect(logarithms![0]! / 1e-8).toBeCloseTo(1, 6);
    expect(logarithms!.slice(1)).toEqual([0, infinity, -infinity]);
  });

  // asinh'(0) = 1, and asinh is odd.
  test("asinh has slope 1 at 0 and is odd", async () => {
    const [values, slopes] = await valuesAndSlopes(tf.asinh, [0, -3, 3]);
    expect(values![0]).toBe(0);
    expect(values![1]).toBeCloseTo(Math.asinh(-3), 14);
    expect(values![2]).toBe(-values![1]!);
    expect(slopes![0]).toBe(1);
  });

  test("acos and asin reach the ends of their range", async () => {
    const [angles] = await valuesAndSlopes(tf.acos, [-1, 0, 1]);
    expect(angles).toEqual([Math.PI, Math.PI / 2, 0]);
    expect((await valuesAndSlopes(tf.asin, [-1, 0, 1]))[0]).toEqual([-Math.PI / 2, 0, Math.PI / 2]);
  });

  // The angle of (x, y) along the axes; at the origin TensorFlow.js gives 0.
  test("atan2 is right on the axes and at the origin, with a finite gradient", async () => {
    const graph = capture(
      (y: tf.Tensor, x: tf.Tensor) => [
        tf.atan2(y, x),
        grad((z: tf.Tensor) => tf.sum(tf.atan2(z, x)))(y),
        grad((z: tf.Tensor) => tf.sum(tf.atan2(y, z)))(x),
      ],
      vector(5),
      vector(5),
    );
    const executable = await compile(graph, { device: "reference" });
    const [angles, ...slopes] = await executable.run([
      Float32Array.of(0, 1, 0, -1, 0),
      Float32Array.of(2, 0, -2, 0, 0),
    ]);
    Array.from(angles!).forEach((angle, i) => {
      expect(angle).toBeCloseTo([0, Math.PI / 2, Math.PI, -Math.PI / 2, 0][i]!, 6);
    });
    expect(slopes.flatMap((slope) => Array.from(slope)).every(Number.isFinite)).toBe(true);
  });
});
