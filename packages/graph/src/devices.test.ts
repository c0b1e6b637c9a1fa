import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";
import type { Graph } from "./graph.ts";
import { type DeviceState, tryDevice } from "./list-devices.ts";
import { assertClose } from "./testing/assert-close.ts";
import { type PrimitiveCase, primitiveCases } from "./testing/primitive-cases.ts";
import { valuesFor, weighted } from "./testing/primitive-inputs.ts";
import { runGraph } from "./testing/run-graph.ts";
import { grad, valueAndGrad } from "./transforms.ts";
import { vmap } from "./vmap.ts";

/**
 * What every device does: each op with its second gradient, and a whole MAML leaf, against the float64
 * reference. A device that cannot be opened here is skipped, and the title says why.
 */
const states: DeviceState[] = [];
for (const device of ["cpu", "tfjs:cpu", "webgpu", "cuda", "tensorflow"])
  states.push(await tryDevice(device));

const float32 = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const captureOf = ({ shapes }: PrimitiveCase, fn: (x: tf.Tensor[]) => tf.Tensor | tf.Tensor[]): Graph =>
  capture(fn, shapes.map((shape) => float32(...shape)) as never);

const titleOf = (state: DeviceState): string =>
  state.state === "usable" ? state.device : `${state.device}, skipped: ${state.reason}`;

describe.each(states.map((state) => [titleOf(state), state] as const))("on %s", (_, { device, state }) => {
  describe.skipIf(state === "missing")("every graph", () => {
    test.each(primitiveCases)("$name has the value and the second gradient of the reference", async (one) => {
      const slope = (x: tf.Tensor[]): tf.Tensor => {
        const gradients = grad((y: tf.Tensor[]) => weighted(one.f(...y), 0.4))(x);
        return tf.addN(gradients.map((gradient, k) => tf.reshape(weighted(gradient, 1 + k), [])));
      };
      const graphs = [captureOf(one, (x) => one.f(...x))];
      if (one.differentiable !== false) graphs.push(captureOf(one, (x) => grad(slope)(x)));
      const values = valuesFor(one);
      // float32; and WebGPU's sine and cosine are off by up to 2^-11 = 4.9e-4.
      const tolerance = device === "webgpu" ? 2e-3 : 5e-5;
      for (const graph of graphs) {
        assertClose(
          await runGraph(graph, device, values),
          await runGraph(graph, "reference", values),
          tolerance,
        );
      }
    });

    test("a second-order MAML leaf of two tasks has the reference's gradient", async () => {
      const graph = capture(mamlLeaf, mamlSpecs.params, mamlSpecs.x, mamlSpecs.y);
      const inputs = graph.inputs.map(({ shape }, k) =>
        Float32Array.from({ length: shape.reduce((n, side) => n * side, 1) }, (_, i) =>
          Math.sin(12.9898 * (i + 1) + 4 * k),
        ),
      );
      assertClose(await runGraph(graph, device, inputs), await runGraph(graph, "reference", inputs), 5e-5);
    });

    test("a selection of booleans, scattered integers and casts agree with the reference", async () => {
      const graph = capture(
        (x: tf.Tensor, index: tf.Tensor) => {
          const mask = tf.where(tf.greater(x, 0), tf.less(x, 2), tf.less(x, -2));
          const rows = tf.gather(x, index);
          return [
            tf.cast(mask, "int32"),
            grad((y: tf.Tensor) => tf.sum(tf.mul(tf.gather(y, index), rows)))(x),
            tf.cast(x, "int32"),
            tf.cast(tf.cast(x, "bool"), "float32"),
            tf.argMax(x, 0),
            tf.neg(tf.slice(index, 1, 2)),
            mask,
            tf.logicalNot(tf.concat([mask, tf.greater(x, 1)])),
          ];
        },
        float32(6),
        { shape: [4], dtype: "int32" },
      );
      const inputs = [Float32Array.of(-3.5, 0, 1.5, 2.5, -1, 2.5), Int32Array.of(5, 0, 5, 2)];
      assertClose(await runGraph(graph, device, inputs), await runGraph(graph, "reference", inputs), 1e-6);
    });

    test("inputs are neither kept nor changed, and results are fresh", async () => {
      const graph = capture(
        (x: tf.Tensor) => ({ x, two: tf.scalar(2), again: x, square: tf.square(x) }),
        float32(2),
      );
      const executable = await compile(graph, { device });
      expect(executable.device).toBe(device === "cuda" ? "cuda:0" : device);
      const input = Float32Array.of(3, 4);
      const results = await executable.run([input]);
      input.fill(0);
      results[2]!.fill(7);
      await executable.run([input]);
      expect(results.map((result) => Array.from(result))).toEqual([[3, 4], [2], [7, 7], [9, 16]]);
      await executable.close();
    });

    test("names an input of the wrong length", async () => {
      const executable = await compile(
        capture((x: tf.Tensor) => tf.neg(x), float32(2)),
        { device },
      );
      await expect(executable.run([Float32Array.of(1, 2, 3)])).rejects.toThrow(
        "input 0: expected float32 [2] (2 values), got Float32Array of 3",
      );
      await executable.close();
    });
  });
});

const mamlSpecs = {
  params: { hidden: float32(3, 8), bias: float32(8), output: float32(8, 1) },
  x: float32(2, 5, 3),
  y: float32(2, 5, 1),
};
type MamlParams = { [name in keyof typeof mamlSpecs.params]: tf.Tensor };

/** Two inner steps of gradient descent per task, and the gradient of the sum of the losses after them. */
function mamlLeaf(params: MamlParams, x: tf.Tensor, y: tf.Tensor) {
  const loss = (p: MamlParams, inputs: tf.Tensor, targets: tf.Tensor): tf.Tensor => {
    const hidden = tf.tanh(tf.add(tf.matMul(inputs, p.hidden), p.bias));
    return tf.mean(tf.square(tf.sub(tf.matMul(hidden, p.output), targets)));
  };
  const step = (p: MamlParams, inputs: tf.Tensor, targets: tf.Tensor): MamlParams => {
    const slope = grad((q: MamlParams) => loss(q, inputs, targets))(p);
    const move = (name: keyof MamlParams): tf.Tensor => tf.sub(p[name], tf.mul(0.1, slope[name]));
    return { hidden: move("hidden"), bias: move("bias"), output: move("output") };
  };
  return valueAndGrad((initial: MamlParams) => {
    const task = (inputs: tf.Tensor, targets: tf.Tensor): tf.Tensor =>
      loss(step(step(initial, inputs, targets), inputs, targets), tf.neg(inputs), targets);
    return tf.sum(vmap(task, [0, 0])(x, y));
  })(params);
}
