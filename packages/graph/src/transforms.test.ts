import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";
import { grad, stopGradient, valueAndGrad, valueAndGradWithAux } from "./transforms.ts";

const scalar = { shape: [], dtype: "float32" as const };

/** The value of a scalar function at `x`, in float64. */
async function at(f: (x: tf.Tensor) => tf.Tensor, x: number): Promise<number> {
  const executable = await compile(capture(f, scalar), { device: "reference" });
  return (await executable.run([Float64Array.of(x)]))[0]![0]!;
}

describe("grad", () => {
  test("takes derivatives of any order", async () => {
    // d4/dx4 x^5 = 120 x
    const fifth = (x: tf.Tensor): tf.Tensor => tf.mul(tf.square(tf.square(x)), x);
    expect(await at(grad(grad(grad(grad(fifth)))), 3)).toBeCloseTo(360, 9);
  });

  test("goes through softmax twice, where TensorFlow.js's own tape is silently wrong", async () => {
    // p = e^x / (e^x + 1): p' = p (1 - p), p'' = p (1 - p) (1 - 2 p)
    const f = (x: tf.Tensor): tf.Tensor =>
      tf.reshape(tf.slice(tf.softmax(tf.stack([x, tf.zerosLike(x)])), [0], [1]), []);
    const p = 1 / (1 + Math.exp(-0.7));
    expect(await at(grad(grad(f)), 0.7)).toBeCloseTo(p * (1 - p) * (1 - 2 * p), 12);
  });

  test("does not confuse the variable with an equal value that the function closes over", async () => {
    // d/dy (x y) at y = x is x, not 2 x; then d/dx of that is 1.
    const f = (x: tf.Tensor): tf.Tensor => grad((y: tf.Tensor) => tf.mul(x, y))(x);
    expect(await at(f, 3)).toBe(3);
    expect(await at(grad(f), 3)).toBe(1);
  });

  test("goes through an inner gradient step", async () => {
    // One step of w' = w - 0.1 d(w - 3)^2/dw = 0.8 w + 0.6; d(w' - 3)^2/dw = 2 (w' - 3) 0.8 = -2.56 at w = 1.
    const loss = (w: tf.Tensor): tf.Tensor => tf.square(tf.sub(w, 3));
    const adapted = (w: tf.Tensor): tf.Tensor => tf.sub(w, tf.mul(0.1, grad(loss)(w)));
    // The rate 0.1 is a float32 constant: 1.5e-8 off.
    expect(
      await at(
        grad((w: tf.Tensor) => loss(adapted(w))),
        1,
      ),
    ).toBeCloseTo(-2.56, 7);
    // First order: the inner gradient is a constant, so the factor 0.8 is missing: 2 (w' - 3) = -3.2.
    const firstOrder = (w: tf.Tensor): tf.Tensor => tf.sub(w, tf.mul(0.1, stopGradient(grad(loss)(w))));
    expect(
      await at(
        grad((w: tf.Tensor) => loss(firstOrder(w))),
        1,
      ),
    ).toBeCloseTo(-3.2, 7);
  });

  test("is zero where the function does not depend on the variable", async () => {
    expect(
      await at(
        grad(() => tf.scalar(2)),
        3,
      ),
    ).toBe(0);
    expect(
      await at(
        grad((x: tf.Tensor) => stopGradient(tf.square(x))),
        3,
      ),
    ).toBe(0);
  });

  test("takes trees and returns trees of the same shape", async () => {
    const specs = { a: scalar, rest: [scalar, scalar] };
    const f = (p: { a: tf.Tensor; rest: tf.Tensor[] }): tf.Tensor =>
      tf.mul(p.a, tf.mul(p.rest[0]!, tf.square(p.rest[1]!)));
    const graph = capture((p: { a: tf.Tensor; rest: tf.Tensor[] }) => grad(f)(p), specs);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["a", "rest/0", "rest/1"]);
    const executable = await compile(graph, { device: "reference" });
    const gradient = await executable.run([Float64Array.of(2), Float64Array.of(3), Float64Array.of(5)]);
    // a b c^2: b c^2 = 75, a c^2 = 50, 2 a b c = 60
    expect(gradient.map((value) => value[0])).toEqual([75, 50, 60]);
  });

  test("returns value and aux beside the gradient", async () => {
    const f = (x: tf.Tensor) => ({ value: tf.square(x), aux: { doubled: tf.mul(x, 2) } });
    const graph = capture((x: tf.Tensor) => {
      const { value, gradient, aux } = valueAndGradWithAux(f)(x);
      return [value, gradient, aux.doubled, valueAndGrad((y: tf.Tensor) => tf.neg(y))(x).gradient];
    }, scalar);
    const results = await (await compile(graph, { device: "reference" })).run([Float64Array.of(3)]);
    expect(results.map((value) => value[0])).toEqual([9, 6, 6, -1]);
  });

  test("asks for a scalar", () => {
    expect(() => capture((x: tf.Tensor) => grad((y: tf.Tensor) => tf.stack([y, y]))(x), scalar)).toThrow(
      /expected a scalar float32 to differentiate, got float32 \[2\]/,
    );
  });

  test("asks for float variables", () => {
    const integer = { shape: [], dtype: "int32" as const };
    expect(() =>
      capture((x: tf.Tensor) => grad((y: tf.Tensor) => tf.cast(y, "float32"))(x), integer),
    ).toThrow(/expected float32, got int32/);
  });

  test("says that it works under capture only", () => {
    expect(() => grad((x: tf.Tensor) => x)({} as tf.Tensor)).toThrow(/outside of capture/);
  });
});
