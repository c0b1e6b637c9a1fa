// Functions of TensorFlow.js ops as graphs: differentiate a function twice and run it on two executors.

import assert from "node:assert/strict";
import { capture, compile, grad } from "@shoal/graph";
import * as tf from "@tensorflow/tfjs-core";

// f(x) = sum(x^3), so f' = 3 x^2, and the derivative of sum(f') is 6 x.
const f = (x) => tf.sum(tf.mul(x, tf.square(x)));
const second = grad((x) => tf.sum(grad(f)(x)));

const graph = capture(second, { shape: [3], dtype: "float32" });

// "cpu" is ONNX Runtime in float32; "reference" is plain loops in float64, to check it against.
for (const device of ["cpu", "reference"]) {
  const executable = await compile(graph, { device });
  const [result] = await executable.run([Float32Array.of(1, 2, 3)]);
  console.log(`${device.padEnd(9)} d2/dx2 x^3 at 1, 2, 3: ${Array.from(result).join(", ")}`);
  assert.deepEqual(Array.from(result), [6, 12, 18]);
  await executable.close();
}
