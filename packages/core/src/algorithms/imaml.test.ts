import { capture, compile, grad } from "@shoal/graph";
import type * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { lossOf } from "../losses.ts";
import { mlp } from "../mlp.ts";
import type { Params } from "../model.ts";
import { createRandom } from "../outer/random.ts";
import type { Task } from "./algorithm.ts";
import { imaml } from "./imaml.ts";

const problem = { type: "regression", outputs: 1 } as const;
const spec = (n: number) => ({
  x: { shape: [n, 2], dtype: "float32" as const },
  y: { shape: [n, 1], dtype: "float32" as const },
});
const episode = { support: spec(4), query: spec(3) };
const config = {
  type: "imaml",
  innerSteps: 80,
  innerRate: 0.2,
  lossReduction: "mean",
  lambda: 1,
} as const;

const random = createRandom(21);
const values = (size: number): Float64Array => Float64Array.from({ length: size }, () => random.normal());

/** The model of `hidden` widths, of which `fixed` names the parameters that stay out of the inner loop. */
function prepare(hidden: readonly number[], fixed: readonly string[], cgSteps: number) {
  const plain = mlp({ inputs: 2, hidden, outputs: 1 });
  const model = {
    ...plain,
    params: plain.params.map((param) => ({ ...param, adapted: !fixed.includes(param.name) })),
  };
  const algorithm = imaml.create({ ...config, cgSteps }, { model, problem, episode, seed: 1 });
  const specs = Object.fromEntries(
    model.params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]),
  );
  const inputs = [
    ...model.params.map(({ shape }) => values(shape.reduce((product, side) => product * side, 1))),
    ...[8, 4, 6, 3].map(values),
  ];
  return { model, algorithm, specs, inputs };
}

describe("iMAML", () => {
  // The support loss of a linear model is quadratic, and 80 steps of 0.2 reach its minimum (0.8^80 is 2e-8):
  // then the query loss there is an explicit function of phi. A small network has one that gradient descent
  // follows from phi. Both within the reach of central differences: h^2 of truncation, 1e-7 of outputs.
  test.each([
    { name: "a linear model", hidden: [], fixed: [] },
    { name: "a linear model whose bias stays out of the inner loop", hidden: [], fixed: ["dense1.bias"] },
    { name: "a network whose first layer stays out", hidden: [3], fixed: ["dense1.weights", "dense1.bias"] },
  ])("$name: the meta-gradient is that of the query loss at the minimum", async ({ hidden, fixed }) => {
    const { model, algorithm, specs, inputs } = prepare(hidden, fixed, 8);
    const gradientGraph = capture(
      (phi: Params, task: Task) => grad((p: Params) => algorithm.objective(p, task, {}).value)(phi),
      specs,
      episode,
    );
    const lossGraph = capture(
      (phi: Params, { support, query }: Task): tf.Tensor[] => {
        const learner = algorithm.adapt(phi, support, config.innerSteps).at(-1)!;
        return [lossOf(problem, learner.predict(query.x), query.y)];
      },
      specs,
      episode,
    );
    const gradient = await (await compile(gradientGraph, { device: "reference" })).run(inputs);
    const loss = await compile(lossGraph, { device: "reference" });
    for (const [entry, { name }] of model.params.entries()) {
      for (let i = 0; i < gradient[entry]!.length; i++) {
        const at = async (shift: number): Promise<number> => {
          const shifted = inputs.map((input) => input.slice());
          shifted[entry]![i]! += shift;
          return (await loss.run(shifted))[0]![0]!;
        };
        const h = 1e-3;
        const difference = ((await at(h)) - (await at(-h))) / (2 * h);
        expect(Math.abs(gradient[entry]![i]! - difference), `${name}[${i}]`).toBeLessThan(
          2e-4 * (1 + Math.abs(difference)),
        );
      }
    }
  });
});
