import { describe, expect, test } from "vitest";
import { createOptimizer } from "./optimizer.ts";
import { applyUpdate, clip } from "./vector.ts";

const adamConfig = { type: "adam", rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;

describe("sgd", () => {
  test("steps against the gradient", () => {
    const { update, state } = createOptimizer({ type: "sgd", rate: 0.5 }).update(Float32Array.of(2, -4), {
      step: 6,
      vectors: {},
    });
    expect(Array.from(update)).toEqual([-1, 2]);
    expect(state).toEqual({ step: 7, vectors: {} });
  });
});

describe("adam", () => {
  test("moves by the rate at first, whatever the gradient's size", () => {
    const adam = createOptimizer(adamConfig);
    // Step 1: m / (1 - beta1) = g and v / (1 - beta2) = g^2, so the update is -rate g / |g|.
    const { update } = adam.update(Float32Array.of(3, -0.001), adam.init(2));
    expect(update[0]).toBeCloseTo(-0.1, 6);
    expect(update[1]).toBeCloseTo(0.1, 5);
  });

  test("follows the paper's recursion over steps", () => {
    const adam = createOptimizer(adamConfig);
    const gradients = [1, -2, 0.5, 3];
    let [m, v] = [0, 0];
    let state = adam.init(1);
    gradients.forEach((g, i) => {
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      const t = i + 1;
      const expected = (-0.1 * (m / (1 - 0.9 ** t))) / (Math.sqrt(v / (1 - 0.999 ** t)) + 1e-8);
      const result = adam.update(Float32Array.of(g), state);
      state = result.state;
      // m and v are kept as float32: 1e-7 relative.
      expect(result.update[0]! / expected).toBeCloseTo(1, 6);
    });
    expect(state.step).toBe(4);
  });

  test("changes neither the gradient nor the state it is given", () => {
    const adam = createOptimizer(adamConfig);
    const [gradient, state] = [Float32Array.of(1, 2), adam.init(2)];
    adam.update(gradient, state);
    expect(Array.from(gradient)).toEqual([1, 2]);
    expect(state).toEqual(adam.init(2));
  });

  test("gives the same update for a gradient times a constant, which frees the outer loss of its scale", () => {
    const adam = createOptimizer(adamConfig);
    let [plain, summed] = [adam.init(2), adam.init(2)];
    for (const gradient of [Float32Array.of(0.3, -2), Float32Array.of(0.1, 1)]) {
      const one = adam.update(gradient, plain);
      const five = adam.update(
        gradient.map((g) => 5 * g),
        summed,
      );
      // epsilon 1e-8 against gradients of 0.1 and more: 1e-7, and float32's 6e-8
      one.update.forEach((value, i) => {
        expect(five.update[i]! / value).toBeCloseTo(1, 6);
      });
      [plain, summed] = [one.state, five.state];
    }
  });

  test("stays put while the gradient is zero", () => {
    const adam = createOptimizer(adamConfig);
    const { update } = adam.update(new Float32Array(3), adam.init(3));
    expect(Array.from(applyUpdate(Float32Array.of(1, -2, 0), update))).toEqual([1, -2, 0]);
  });

  test("keeps its bias corrections exact to 1 over a million steps", () => {
    // 0.999^1e6 underflows to about 0: the correction is 1, and a constant gradient moves by the rate.
    const adam = createOptimizer(adamConfig);
    const state = { step: 999_999, vectors: { mean: Float32Array.of(2), meanSquare: Float32Array.of(4) } };
    expect(adam.update(Float32Array.of(2), state).update[0]).toBeCloseTo(-0.1, 7);
  });

  test("refuses the state of other parameters or of another optimizer", () => {
    const adam = createOptimizer(adamConfig);
    expect(() => adam.update(Float32Array.of(1), adam.init(2))).toThrow(
      "state.mean: expected 1 floats, got 2",
    );
    expect(() => adam.update(Float32Array.of(1), { step: 1, vectors: {} })).toThrow("got none");
  });

  test("finds the minimum of a quadratic", () => {
    const adam = createOptimizer(adamConfig);
    let params: Float32Array = Float32Array.of(4);
    let state = adam.init(1);
    for (let i = 0; i < 500; i++) {
      const result = adam.update(Float32Array.of(2 * (params[0]! - 3)), state);
      [params, state] = [applyUpdate(params, result.update), result.state];
    }
    expect(params[0]).toBeCloseTo(3, 2);
  });
});

describe("clip", () => {
  test("cuts each element to the bound", () => {
    expect(Array.from(clip(Float32Array.of(-20, -10, 0.5, 11), 10))).toEqual([-10, -10, 0.5, 10]);
  });

  test("lets NaN through, for the caller to refuse", () => {
    expect(clip(Float32Array.of(Number.NaN), 10)[0]).toBeNaN();
  });
});
