import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { beforeAll, describe, expect, test } from "vitest";
import { capture } from "./capture.ts";
import { compile } from "./compile.ts";

type Op = (...x: tf.Tensor[]) => tf.Tensor;

const unary: Record<string, Op> = {
  abs: tf.abs,
  acos: tf.acos,
  acosh: tf.acosh,
  all: (x) => tf.all(x),
  any: (x) => tf.any(x),
  argMax: (x) => tf.argMax(x),
  argMin: (x) => tf.argMin(x),
  asin: tf.asin,
  asinh: tf.asinh,
  atan: tf.atan,
  atanh: tf.atanh,
  ceil: tf.ceil,
  clipByValue: (x) => tf.clipByValue(x, 1, 2),
  cos: tf.cos,
  cosh: tf.cosh,
  cumprod: (x) => tf.cumprod(x),
  cumsum: (x) => tf.cumsum(x),
  diag: tf.diag,
  elu: tf.elu,
  erf: tf.erf,
  exp: tf.exp,
  expm1: tf.expm1,
  floor: tf.floor,
  isFinite: tf.isFinite,
  isInf: tf.isInf,
  isNaN: tf.isNaN,
  leakyRelu: (x) => tf.leakyRelu(x),
  log: tf.log,
  log1p: tf.log1p,
  logSigmoid: tf.logSigmoid,
  logSoftmax: (x) => tf.logSoftmax(x),
  logicalNot: tf.logicalNot,
  max: (x) => tf.max(x),
  mean: (x) => tf.mean(x),
  min: (x) => tf.min(x),
  neg: tf.neg,
  onesLike: tf.onesLike,
  pad: (x) => tf.pad(x, [[1, 1]]),
  padWithOne: (x) => tf.pad(x, [[1, 1]], 1),
  prod: (x) => tf.prod(x),
  reciprocal: tf.reciprocal,
  relu: tf.relu,
  relu6: tf.relu6,
  reverse: (x) => tf.reverse(x),
  round: tf.round,
  rsqrt: tf.rsqrt,
  selu: tf.selu,
  sigmoid: tf.sigmoid,
  sign: tf.sign,
  sin: tf.sin,
  sinh: tf.sinh,
  softmax: (x) => tf.softmax(x),
  softplus: tf.softplus,
  sqrt: tf.sqrt,
  square: tf.square,
  step: (x) => tf.step(x),
  sum: (x) => tf.sum(x),
  tan: tf.tan,
  tanh: tf.tanh,
  tile: (x) => tf.tile(x, [2]),
  toBool: (x) => tf.cast(x, "bool"),
  toFloat32: (x) => tf.cast(x, "float32"),
  toInt32: (x) => tf.cast(x, "int32"),
};

const binary: Record<string, Op> = {
  add: tf.add,
  addN: (x, y) => tf.addN([x, y]),
  atan2: tf.atan2,
  concat: (x, y) => tf.concat([x as tf.Tensor1D, y as tf.Tensor1D]),
  div: tf.div,
  dot: tf.dot,
  equal: tf.equal,
  floorDiv: tf.floorDiv,
  greater: tf.greater,
  less: tf.less,
  logicalAnd: tf.logicalAnd,
  logicalOr: tf.logicalOr,
  logicalXor: tf.logicalXor,
  maximum: tf.maximum,
  minimum: tf.minimum,
  mod: tf.mod,
  mul: tf.mul,
  notEqual: tf.notEqual,
  pow: tf.pow,
  prelu: (x, y) => tf.prelu(x, y),
  squaredDifference: tf.squaredDifference,
  stack: (x, y) => tf.stack([x, y]),
  sub: tf.sub,
  where: (x, y) => tf.where(tf.tensor1d([1, 0, 1, 0], "bool"), x, y),
};

const first = { float32: [1.5, 0.25, 2, -3], int32: [3, 1, -7, 2], bool: [1, 0, 1, 1] } as const;
const second = { float32: [2, 0.5, 1, 3], int32: [2, 1, 2, 3], bool: [1, 1, 1, 1] } as const;
const dtypes = ["float32", "int32", "bool"] as const;

const trials = [
  ...Object.entries(unary).flatMap(([name, op]) =>
    dtypes.map((dtype) => ({ title: `${name} of ${dtype}`, op, inputs: [[first, dtype]] as const })),
  ),
  ...Object.entries(binary).flatMap(([name, op]) =>
    dtypes.flatMap((a) =>
      dtypes.map((b) => ({
        title: `${name} of ${a} and ${b}`,
        op,
        inputs: [
          [first, a],
          [second, b],
        ] as const,
      })),
    ),
  ),
];

beforeAll(async () => {
  await tf.setBackend("cpu");
});

/** Ops that whole numbers are made for; they must not be refused. */
const ofWholeNumbers =
  /^(abs|add|addN|argMax|argMin|clipByValue|cumprod|cumsum|div|dot|equal|floorDiv|greater|less|max|maximum|mean|min|minimum|mod|mul|neg|notEqual|pad|padWithOne|pow|prod|reverse|round|sign|square|squaredDifference|stack|sub|sum|tile|where)( of int32| and int32)+$/;

/**
 * What TensorFlow.js does with an op of floats, capture does. Of whole numbers and truth values it does the
 * same or refuses: TensorFlow.js then truncates, wraps around (true - false - true = 255) or divides by zero.
 */
describe.each(trials)("$title", ({ title, op, inputs }) => {
  const tensors = (): tf.Tensor[] => inputs.map(([values, dtype]) => tf.tensor1d([...values[dtype]], dtype));
  const specs = inputs.map(([, dtype]) => ({ shape: [4], dtype }));
  const isAlwaysCaptured = ofWholeNumbers.test(title) || inputs.every(([, dtype]) => dtype === "float32");

  test("has the dtype and the values of TensorFlow.js, or is refused", async () => {
    const expected = orError(() => op(...tensors()));
    const graph = orError(() => capture((x: tf.Tensor[]) => op(...x), specs));
    if (graph instanceof Error) {
      if (!(expected instanceof Error))
        expect(graph.message).toMatch(/cast with tf.cast first|must be float32/);
      expect(isAlwaysCaptured && !(expected instanceof Error)).toBe(false);
      return;
    }
    if (expected instanceof Error) throw new Error(`captured, but TensorFlow.js says: ${expected.message}`);
    expect(graph.outputs[0]!.dtype).toBe(expected.dtype);
    const args = tensors().map((tensor, i) => typed(tensor.dataSync(), specs[i]!.dtype));
    for (const device of ["reference", "cpu"] as const) {
      const executable = await compile(graph, { device });
      const [values] = await executable.run(args);
      await executable.close();
      expectClose(Array.from(values!), Array.from(expected.dataSync()));
    }
  });
});

function orError<T>(make: () => T): T | Error {
  try {
    return make();
  } catch (error) {
    return error as Error;
  }
}

/** TensorFlow.js computes in float32, and its erf is good to 2e-7. */
function expectClose(values: number[], expected: number[]): void {
  expect(values).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    if (Number.isFinite(value))
      expect(Math.abs(values[i]! - value)).toBeLessThan(1e-5 * Math.max(1, Math.abs(value)));
    else expect(values[i]).toBe(value);
  });
}

function typed(values: ArrayLike<number>, dtype: "float32" | "int32" | "bool") {
  if (dtype === "float32") return Float32Array.from(values);
  return dtype === "int32" ? Int32Array.from(values) : Uint8Array.from(values);
}
