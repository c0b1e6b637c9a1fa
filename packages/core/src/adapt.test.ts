import { capture, compile, grad } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { type AdaptOptions, adapt } from "./adapt.ts";
import type { Params } from "./model.ts";

const specs = { w: { shape: [], dtype: "float32" as const } };
const loss = ({ w }: Params): tf.Tensor => tf.square(tf.sub(w!, 3));

/** The parameter after adapting from w = 1, and the meta-gradient of the adapted loss there. */
async function run(options: AdaptOptions): Promise<number[]> {
  const last = (params: Params): Params => adapt(loss, params, options).at(-1)!;
  const graph = capture(
    (params: Params) => [last(params).w!, grad((p: Params) => loss(last(p)))(params).w!],
    specs,
  );
  return (await (await compile(graph, { device: "reference" })).run([Float64Array.of(1)])).map(
    (value) => value[0]!,
  );
}

// The rate is a float32 constant, 1e-8 off.
describe("adapt", () => {
  // w' = w - 0.1 * 2 (w - 3) = 0.8 w + 0.6 = 1.4;  d(w' - 3)^2/dw = 2 (w' - 3) * 0.8 = -2.56
  test("the meta-gradient flows through the inner step", async () => {
    const [adapted, metaGradient] = await run({ steps: 1, rate: 0.1, order: 2 });
    expect(adapted).toBeCloseTo(1.4, 7);
    expect(metaGradient).toBeCloseTo(-2.56, 6);
  });

  test("first order leaves the step's own derivative out", async () => {
    // 2 (w' - 3) = -3.2
    expect((await run({ steps: 1, rate: 0.1, order: 1 }))[1]).toBeCloseTo(-3.2, 6);
  });

  test("steps compose", async () => {
    // w - 3 shrinks by 0.8 each step: -2 * 0.512; gradient 2 (w''' - 3) 0.8^3 = -1.048576
    const [adapted, metaGradient] = await run({ steps: 3, rate: 0.1, order: 2 });
    expect(adapted).toBeCloseTo(3 - 2 * 0.512, 7);
    expect(metaGradient).toBeCloseTo(2 * -2 * 0.512 * 0.512, 6);
  });

  // f(w, b) = (w b - 3)^2 with b fixed, from w = 1, b = 2: df/dw = 2 b (w b - 3) = -4, so w' = 1.4, b' = 2.
  // f' = (2.8 - 3)^2. d/dw = 2 b (w' b - 3) (1 - 0.2 b^2) = -0.8 * 0.2 = -0.16.
  // dw'/db = -0.2 (2 w b - 3) = -0.2, d/db = 2 (w' b - 3) (w' + b dw'/db) = -0.4 * (1.4 - 0.4) = -0.4.
  test("a fixed parameter stays, and the meta-gradient reaches it through the steps of the others", async () => {
    const productLoss = ({ w, b }: Params): tf.Tensor => tf.square(tf.sub(tf.mul(w!, b!), 3));
    const last = (params: Params): Params =>
      adapt(productLoss, params, { steps: 1, rate: 0.1, order: 2, fixed: new Set(["b"]) }).at(-1)!;
    const graph = capture(
      (params: Params) => ({
        adapted: last(params),
        gradient: grad((p: Params) => productLoss(last(p)))(params),
      }),
      { ...specs, b: { shape: [], dtype: "float32" as const } },
    );
    const executable = await compile(graph, { device: "reference" });
    const results = (await executable.run([Float64Array.of(1), Float64Array.of(2)])).map(([value]) => value);
    [1.4, 2, -0.16, -0.4].forEach((expected, i) => {
      expect(results[i]).toBeCloseTo(expected, 6);
    });
  });

  // w' = w - r 2 (w - 3), so dw'/dr = -2 (w - 3) = 4, and d(w' - 3)^2/dr = 2 (w' - 3) 4 = -12.8 at w' = 1.4.
  test("a rate of a parameter's own may be learned: the meta-gradient reaches it", async () => {
    const adapted = ({ w, r }: Params): Params =>
      adapt(({ w: p }) => loss({ w: p! }), { w: w! }, { steps: 1, rate: () => r!, order: 2 }).at(-1)!;
    const graph = capture(
      (params: Params) => [adapted(params).w!, grad((p: Params) => loss(adapted(p)))(params).r!],
      { ...specs, r: { shape: [], dtype: "float32" as const } },
    );
    const executable = await compile(graph, { device: "reference" });
    const results = await executable.run([Float64Array.of(1), Float64Array.of(0.1)]);
    expect(results[0]![0]).toBeCloseTo(1.4, 6);
    expect(results[1]![0]).toBeCloseTo(-12.8, 5);
  });

  test("the loss is told the step", async () => {
    // Step 0 goes to 3 and step 1 to 5, each with rate 1/2, which reaches the minimum at once.
    const last = (params: Params): Params =>
      adapt(({ w }, step) => tf.square(tf.sub(w!, 3 + 2 * step)), params, {
        steps: 2,
        rate: 0.5,
        order: 2,
      }).at(-1)!;
    const executable = await compile(
      capture((params: Params) => [last(params).w!], specs),
      { device: "reference" },
    );
    expect((await executable.run([Float64Array.of(1)]))[0]![0]).toBeCloseTo(5, 12);
  });

  test.each([
    [{ steps: 0, rate: 0.1, order: 2 }, "innerSteps: expected an integer >= 1, got 0"],
    [{ steps: 1.5, rate: 0.1, order: 2 }, "innerSteps: expected an integer >= 1, got 1.5"],
    [{ steps: 1, rate: 0, order: 2 }, "innerRate: expected a number > 0, got 0"],
    [{ steps: 1, rate: Number.NaN, order: 2 }, "innerRate: expected a number > 0, got NaN"],
  ] as const)("refuses %j", async (options, message) => {
    await expect(run(options)).rejects.toThrow(message);
  });
});
