import { describe, expect, test } from "vitest";
import { createOptimizer } from "./optimizer.ts";
import { createOuterOptimizer } from "./outer-optimizer.ts";
import { layoutParams } from "./param-layout.ts";

const adam = { type: "adam", rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 } as const;
const layout = layoutParams([{ name: "w", shape: [3] }]);

describe("createOuterOptimizer", () => {
  test("is the experiment's optimizer, bit for bit, where nothing else is asked for", () => {
    const [outer, plain] = [
      createOuterOptimizer({ outer: adam, clip: null, steps: 3 }, layout),
      createOptimizer(adam),
    ];
    let [ours, theirs] = [outer.init(3), plain.init(3)];
    for (const gradient of [Float32Array.of(1, -2, 0.3), Float32Array.of(0.1, 5, -7)]) {
      const [one, other] = [outer.update(gradient, ours), plain.update(gradient, theirs)];
      expect(one).toEqual(other);
      [ours, theirs] = [one.state, other.state];
    }
  });

  test("clips before the optimizer", () => {
    const outer = createOuterOptimizer({ outer: { type: "sgd", rate: 1 }, clip: 2, steps: 1 }, layout);
    expect(Array.from(outer.update(Float32Array.of(3, -5, 1), outer.init(3)).update)).toEqual([-2, 2, -1]);
  });

  test("takes the rate of the state's step, so that a resumed run goes on where it was", () => {
    const config = { type: "sgd", rate: 1, schedule: { type: "linear", final: 0 } } as const;
    const outer = createOuterOptimizer({ outer: config, clip: null, steps: 4 }, layout);
    // The fourth step: 1 - 3 / 4.
    const { update, state } = outer.update(Float32Array.of(1, 2, 4), { step: 3, vectors: {} });
    expect(Array.from(update)).toEqual([-0.25, -0.5, -1]);
    expect(state.step).toBe(4);
  });

  test("moves a parameter with a rule of its own by that rule alone: neither clipped nor scheduled", () => {
    const withMean = layoutParams([
      { name: "w", shape: [1] },
      { name: "mean", shape: [2], outer: { type: "plain", rate: 1 } },
    ]);
    const outer = createOuterOptimizer(
      { outer: { ...adam, schedule: { type: "halve", every: 1 } }, clip: 0.5, steps: 4 },
      withMean,
    );
    const { update, state } = outer.update(Float32Array.of(3, 30, -40), { ...outer.init(3), step: 2 });
    expect(Array.from(update.subarray(1))).toEqual([-30, 40]);
    // Adam has seen the clipped gradient of `w`, and nothing of `mean`.
    expect(Array.from(state.vectors.mean!)).toEqual(
      [Math.fround(0.1 * 0.5), 0, 0].map((m) => expect.closeTo(m, 8)),
    );
  });

  test("an exponential mean is a plain rule of rate 1 on the gradient (1 - decay) (mean - batch)", () => {
    const one = layoutParams([{ name: "mean", shape: [1], outer: { type: "plain", rate: 1 } }]);
    const outer = createOuterOptimizer({ outer: adam, clip: null, steps: 10 }, one);
    let mean = 4;
    for (const batch of [1, 2, 3]) {
      const gradient = Float32Array.of(0.5 * (mean - batch));
      mean += outer.update(gradient, outer.init(1)).update[0]!;
    }
    // 4 -> 2.5 -> 2.25 -> 2.625: half of the way to each batch
    expect(mean).toBe(2.625);
  });
});
