import { capture, compile } from "@shoal/graph";
import type * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { type MlpOptions, mlp } from "./mlp.ts";
import type { Params } from "./model.ts";

async function outputs(
  options: MlpOptions,
  params: number[][],
  shape: number[],
  x: number[],
): Promise<number[]> {
  const model = mlp(options);
  const specs = Object.fromEntries(
    model.params.map(({ name, shape }) => [name, { shape, dtype: "float32" as const }]),
  );
  const graph = capture((p: Params, input: tf.Tensor) => model.apply(p, input), specs, {
    shape,
    dtype: "float32",
  });
  const executable = await compile(graph, { device: "reference" });
  const [y] = await executable.run([...params, x].map((values) => Float64Array.from(values)));
  return Array.from(y!);
}

describe("mlp", () => {
  test("is linear, ReLU, linear", async () => {
    // x = 2: hidden relu(2 * 1 - 1, 2 * -3 + 2) = (1, 0); output 5 * 1 + 7 * 0 + 0.5. x = -1: (0, 5), 35.5.
    const params = [[1, -3], [-1, 2], [5, 7], [0.5]];
    expect(await outputs({ inputs: 1, hidden: [2], outputs: 1 }, params, [2, 1], [2, -1])).toEqual([
      5.5, 35.5,
    ]);
  });

  test("without hidden layers is linear", async () => {
    expect(await outputs({ inputs: 2, hidden: [], outputs: 1 }, [[-2, 3], [0]], [1, 2], [4, 1])).toEqual([
      -5,
    ]);
  });

  test("flattens images", async () => {
    expect(
      await outputs(
        { inputs: 4, hidden: [], outputs: 1 },
        [[1, 10, 100, 1000], [0]],
        [1, 2, 2, 1],
        [1, 2, 3, 4],
      ),
    ).toEqual([4321]);
  });

  test("1-40-40-1 has the parameters of the paper's sinusoid network", () => {
    // 40 + 40 + 1600 + 40 + 40 + 1
    const sizes = mlp({ inputs: 1, hidden: [40, 40], outputs: 1 }).params.map(({ shape }) =>
      shape.reduce((product, side) => product * side, 1),
    );
    expect(sizes).toEqual([40, 40, 1600, 40, 40, 1]);
  });
});
