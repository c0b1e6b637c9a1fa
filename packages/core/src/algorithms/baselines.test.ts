import { capture, compile, type NumericArray, type TensorSpec } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, test } from "vitest";
import { mlp } from "../mlp.ts";
import type { Params } from "../model.ts";
import { createRandom } from "../outer/random.ts";
import type { Identities, Problem } from "../task-source.ts";
import type { Algorithm, AlgorithmContext } from "./algorithm.ts";
import { joint } from "./joint.ts";
import { scratch } from "./scratch.ts";

/** Two inputs, no hidden layer: the trunk is the identity and a head is a line of `dense1`. */
function contextOf(problem: Problem, outputs: number, identities?: Identities): AlgorithmContext {
  const isClasses = problem.type === "classification";
  const examples = {
    x: { shape: [2, 2], dtype: "float32" },
    y: isClasses ? ({ shape: [2], dtype: "int32" } as const) : ({ shape: [2, 1], dtype: "float32" } as const),
  } as const;
  return {
    model: mlp({ inputs: 2, hidden: [], outputs }),
    problem,
    episode: { support: examples, query: examples },
    identities,
    seed: 1,
  };
}

const x = { support: [1, 2, -1, 0.5], query: [0.3, -0.7, 2, 1] };

/** What `f` returns for an episode of two support and two query examples, in float64. */
async function run(
  { params }: Algorithm,
  y: { readonly spec: TensorSpec; readonly support: readonly number[]; readonly query: readonly number[] },
  own: readonly number[],
  f: (params: Params, task: { x: tf.Tensor; y: tf.Tensor }[], own: tf.Tensor) => tf.Tensor[],
): Promise<readonly NumericArray[]> {
  const xSpec = { shape: [2, 2], dtype: "float32" } as const;
  const specs = Object.fromEntries(
    params.map(({ name, shape }): [string, TensorSpec] => [name, { shape, dtype: "float32" }]),
  );
  const graph = capture(
    (p: Params, sx: tf.Tensor, sy: tf.Tensor, qx: tf.Tensor, qy: tf.Tensor, o: tf.Tensor) =>
      f(
        p,
        [
          { x: sx, y: sy },
          { x: qx, y: qy },
        ],
        o,
      ),
    specs,
    xSpec,
    y.spec,
    xSpec,
    y.spec,
    { shape: [own.length], dtype: "int32" },
  );
  const executable = await compile(graph, { device: "reference" });
  const inputs = [...valuesOf(params), x.support, y.support, x.query, y.query, own];
  return executable.run(inputs.map((values) => Float64Array.from(values)));
}

function valuesOf(params: Algorithm["params"]): readonly (readonly number[])[] {
  const random = createRandom(3);
  return params.map(({ shape }) =>
    Array.from({ length: shape.reduce((product, side) => product * side, 1) }, () => random.normal()),
  );
}

describe("joint training", () => {
  test("takes the cross-entropy over the classes of the episode's family, on support and query", async () => {
    // Families {0, 1, 2} and {3, 4, 5, 6}; the episode's labels 0 and 1 are the classes 5 and 3.
    const context = contextOf({ type: "classification", ways: 2 }, 2, { familySizes: [3, 4] });
    const algorithm = joint.create({ type: "joint", innerRate: 0.1, trunk: "frozen" }, context);
    const labels = { spec: { shape: [2], dtype: "int32" }, support: [0, 1], query: [1, 0] } as const;
    const [value, outputs] = await run(algorithm, labels, [5, 3], (p, [support, query], identities) => {
      const objective = algorithm.objective(p, { support: support!, query: query!, identities }, {});
      return [objective.value, objective.outputs];
    });
    const [weights, bias] = valuesOf(algorithm.params);
    expect([weights!.length, bias!.length]).toEqual([2 * 7, 7]);
    const logit = (row: readonly number[], c: number) =>
      row[0]! * weights![c]! + row[1]! * weights![7 + c]! + bias![c]!;
    const rows = [x.support.slice(0, 2), x.support.slice(2), x.query.slice(0, 2), x.query.slice(2)];
    const classes = [5, 3, 3, 5];
    const losses = rows.map((row, i) => {
      const total = [3, 4, 5, 6].reduce((sum, c) => sum + Math.exp(logit(row, c)), 0);
      return Math.log(total) - logit(row, classes[i]!);
    });
    expect(value![0]).toBeCloseTo(losses.reduce((sum, loss) => sum + loss, 0) / 4, 5);
    const expected = rows.slice(2).flatMap((row) => [logit(row, 5), logit(row, 3)]);
    for (const [i, each] of expected.entries()) expect(outputs![i]).toBeCloseTo(each, 5);
  });

  test("trains the head of its task alone where each task has one", async () => {
    const context = contextOf({ type: "regression", outputs: 1 }, 1, { familySizes: [1, 1, 1] });
    const algorithm = joint.create({ type: "joint", innerRate: 0.1, trunk: "frozen" }, context);
    const targets = {
      spec: { shape: [2, 1], dtype: "float32" },
      support: [0.5, 1],
      query: [-1, 2],
    } as const;
    const [value] = await run(algorithm, targets, [2], (p, [support, query], identities) => [
      algorithm.objective(p, { support: support!, query: query!, identities }, {}).value,
    ]);
    const [weights, bias] = valuesOf(algorithm.params);
    const rows = [x.support.slice(0, 2), x.support.slice(2), x.query.slice(0, 2), x.query.slice(2)];
    const errors = rows.map(
      (row, i) => row[0]! * weights![2]! + row[1]! * weights![3 + 2]! + bias![2]! - [0.5, 1, -1, 2][i]!,
    );
    expect(value![0]).toBeCloseTo(errors.reduce((sum, error) => sum + error * error, 0) / 4, 5);
  });

  test("starts a new task from the mean of the heads", async () => {
    const context = contextOf({ type: "regression", outputs: 1 }, 1, { familySizes: [1, 1, 1] });
    const algorithm = joint.create({ type: "joint", innerRate: 0.1, trunk: "frozen" }, context);
    const targets = {
      spec: { shape: [2, 1], dtype: "float32" },
      support: [0.5, 1],
      query: [-1, 2],
    } as const;
    const [predicted] = await run(algorithm, targets, [0], (p, [support, query]) => [
      algorithm.adapt(p, support!, 1)[0]!.predict(query!.x),
    ]);
    const [weights, bias] = valuesOf(algorithm.params);
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value / 3, 0);
    const head = [mean(weights!.slice(0, 3)), mean(weights!.slice(3)), mean(bias!)] as const;
    expect(predicted![0]).toBeCloseTo(0.3 * head[0] - 0.7 * head[1] + head[2], 5);
  });

  test("refuses classes of which nobody knows what they stand for", () => {
    const context = contextOf({ type: "classification", ways: 2 }, 2);
    expect(() => joint.create({ type: "joint", innerRate: 0.1, trunk: "frozen" }, context)).toThrow(
      /^algorithm: joint trains a head over all classes, and this task source does not say .*; give it identities$/,
    );
  });

  test.each(["frozen", "adapted"] as const)("fine-tunes with a trunk that is %s", async (trunk) => {
    const context = contextOf({ type: "regression", outputs: 1 }, 1, { familySizes: [1] });
    const model = mlp({ inputs: 2, hidden: [3], outputs: 1 });
    const algorithm = joint.create({ type: "joint", innerRate: 0.1, trunk }, { ...context, model });
    const targets = {
      spec: { shape: [2, 1], dtype: "float32" },
      support: [0.5, 1],
      query: [-1, 2],
    } as const;
    const results = await run(algorithm, targets, [0], (p, [support]) => {
      const { params } = algorithm.adapt(p, support!, 1)[1]!;
      return ["dense1.weights", "dense2.weights"].map((name) =>
        tf.sum(tf.abs(tf.sub(params[name]!, p[name]!))),
      );
    });
    const [body, head] = results.map((moved) => moved[0]!);
    expect(body! > 0).toBe(trunk === "adapted");
    expect(head).toBeGreaterThan(0);
  });
});

test("training from scratch moves no shared parameter, and lowers the loss on the support set step by step", async () => {
  const context = contextOf({ type: "regression", outputs: 1 }, 1);
  const algorithm = scratch.create({ type: "scratch", innerRate: 0.1 }, context);
  const targets = { spec: { shape: [2, 1], dtype: "float32" }, support: [0.5, 1], query: [-1, 2] } as const;
  const losses = await run(algorithm, targets, [0], (p, [support]) =>
    algorithm
      .adapt(p, support!, 20)
      .map((learner) => tf.mean(tf.squaredDifference(learner.predict(support!.x), support!.y))),
  );
  const path = losses.map((loss) => loss[0]!);
  for (const [step, loss] of path.slice(1).entries()) expect(loss).toBeLessThan(path[step]!);
  const [value] = await run(algorithm, targets, [0], (p, [support, query]) => [
    algorithm.objective(p, { support: support!, query: query! }, {}).value,
  ]);
  expect(value![0]).toBe(0);
});
