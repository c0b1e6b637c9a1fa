import { readFileSync } from "node:fs";
import { capture, compile, type NumericArray, tryDevice } from "@shoal/graph";
import { describe, expect, test } from "vitest";
import type { Experiment } from "./experiment.ts";
import { type LeafProgram, type TaskShapes, trainProgram } from "./leaf-program.ts";
import type { ParamEntry } from "./outer/param-layout.ts";
import { presets } from "./presets.ts";
import type { ExamplesSpec } from "./task-source.ts";

/**
 * Whole meta-gradients, one task at a time, against JAX in float64 (`reference/meta_gradients.py`, where
 * the projections, the parameters and the episodes are explained).
 */

interface Case {
  readonly name: string;
  /** Share of the tasks whose gradient must agree to 1e-5. Default: half. */
  readonly quantile?: number;
  /** Default: `cpu`. */
  readonly device?: "reference";
  readonly experiment: Experiment;
  readonly shots: number;
  readonly queries: number;
}

const preset = (name: string): Experiment => presets.find((one) => one.name === name)!.experiment;
const maxpool = preset("omniglot-5w1s-maxpool");
const sinusoid = preset("sinusoid");
const quickstart = preset("quickstart");
const firstOrder: Experiment["algorithm"] = {
  type: "fomaml",
  innerSteps: 1,
  innerRate: 0.4,
  lossReduction: "mean",
};
const threeSteps = { ...maxpool.algorithm, innerSteps: 3, innerRate: 0.1 } as const;
const rateOfATenth = { innerSteps: 1, innerRate: 0.1, lossReduction: "mean" } as const;
const reptile = { type: "reptile", innerSteps: 5, batchSize: null, evaluationBatchSize: null } as const;
const smallPool = { ...maxpool.model, filters: 32 } as Experiment["model"];

const cases: readonly Case[] = [
  { name: "maxpool-64", experiment: maxpool, shots: 1, queries: 1 },
  {
    name: "maxpool-64-first-order",
    experiment: { ...maxpool, algorithm: firstOrder },
    shots: 1,
    queries: 1,
  },
  { name: "stride-64-paper", experiment: preset("omniglot-5w1s"), shots: 1, queries: 1 },
  {
    name: "maxpool-32-3-step-5-shot",
    // Three steps through 600,000 pre-activations: every second task crosses a kink.
    quantile: 0.25,
    experiment: { ...maxpool, model: smallPool, algorithm: threeSteps },
    shots: 5,
    queries: 3,
  },
  {
    name: "stride-32-3-step-5-shot",
    experiment: { ...quickstart, algorithm: threeSteps },
    shots: 5,
    queries: 3,
  },
  {
    name: "anil-stride-32",
    experiment: { ...quickstart, algorithm: { type: "anil", ...rateOfATenth, innerSteps: 3 } },
    shots: 1,
    queries: 1,
  },
  {
    name: "boil-stride-32",
    experiment: { ...quickstart, algorithm: { type: "boil", ...rateOfATenth } },
    shots: 1,
    queries: 1,
  },
  {
    name: "meta-sgd-stride-32",
    experiment: { ...quickstart, algorithm: { type: "meta-sgd", ...rateOfATenth } },
    shots: 1,
    queries: 1,
  },
  // The way back is a small difference of parameters: float32 leaves too few digits of it.
  {
    name: "reptile-sgd",
    device: "reference",
    experiment: { ...sinusoid, algorithm: { ...reptile, innerRate: 0.01, innerOptimizer: "sgd" } },
    shots: 10,
    queries: 10,
  },
  {
    name: "reptile-adam",
    device: "reference",
    experiment: { ...sinusoid, algorithm: { ...reptile, innerRate: 0.001, innerOptimizer: "adam" } },
    shots: 10,
    queries: 10,
  },
  {
    name: "sinusoid-5-step",
    experiment: {
      ...sinusoid,
      algorithm: { ...sinusoid.algorithm, innerSteps: 5 } as Experiment["algorithm"],
    },
    shots: 10,
    queries: 10,
  },
];

const WAYS = 5;
const PROJECTIONS = 4;
const [PARAMETERS, CELLS, FLIPS, NOISE, SIGNS, SINES] = [0, 1, 2, 3, 4, 5] as const;

describe.each(cases)("the meta-gradient of $name", (one) => {
  test("is that of an independent float64 implementation", async () => {
    const references = readReference(one.name);
    const errors = await relativeErrors(one, one.device ?? "cpu", [...references.keys()]);
    // A quantile, not the worst: where float32 puts a pre-activation on the other side of ReLU's kink, the
    // inner gradient jumps, and with it the task's meta-gradient. In float64 (below) those tasks agree too.
    expect(quantileOf(errors, one.quantile ?? 0.5)).toBeLessThan(1e-5);
  });
});

describe("in float64", () => {
  // Tasks that float32 puts on the other side of a kink: errors of 0.31, 0.22 and 0.15.
  test.each([
    { name: "maxpool-64", task: 7 },
    { name: "stride-32-3-step-5-shot", task: 0 },
    { name: "maxpool-32-3-step-5-shot", task: 4 },
  ])("task $task of $name agrees", async ({ name, task }) => {
    const [error] = await relativeErrors(cases.find((one) => one.name === name)!, "reference", [task]);
    // What is left is the rounding of the outputs to float32.
    expect(error).toBeLessThan(1e-6);
  });
});

const others = await Promise.all(["webgpu", "cuda", "tensorflow"].map(tryDevice));

describe.each(
  others.map(
    (other) => [other.state === "usable" ? other.device : `skipped: ${other.reason}`, other] as const,
  ),
)("on %s", (_, { device, state }) => {
  describe.skipIf(state === "missing")("the meta-gradient", () => {
    test.each(["maxpool-64", "stride-64-paper"])(
      "of %s is that of the independent implementation",
      async (name) => {
        const errors = await relativeErrors(cases.find((one) => one.name === name)!, device, [0, 1, 2, 3]);
        expect(quantileOf(errors, 0.5)).toBeLessThan(1e-5);
      },
      // A GPU that is emulated takes 10 s per task.
      240_000,
    );
  });
});

test("second and first order differ by the term that first order drops", () => {
  const [second, first] = [readReference("maxpool-64"), readReference("maxpool-64-first-order")];
  for (const [task, reference] of second.entries()) {
    // The adapted parameters are the same, the gradients are not.
    expect(reference.get("loss")).toEqual(first[task]!.get("loss"));
    let [difference, length] = [0, 0];
    for (const [tensor, values] of reference) {
      if (tensor === "loss") continue;
      for (const [i, value] of values.entries()) {
        difference += (value - first[task]!.get(tensor)![i]!) ** 2;
        length += value ** 2;
      }
    }
    expect(Math.sqrt(difference / length)).toBeGreaterThan(0.1);
  }
});

/** Between the two errors around a quantile. */
function quantileOf(errors: readonly number[], quantile: number): number {
  const sorted = errors.toSorted((a, b) => a - b);
  const last = sorted.length * quantile;
  return (sorted[last - 1]! + sorted[last]!) / 2;
}

/** The errors of the gradients of `tasks`, in their order. */
async function relativeErrors(
  { name, experiment, shots, queries }: Case,
  device: string,
  tasks: readonly number[],
): Promise<number[]> {
  const program = trainProgram(experiment, shapesOf(experiment, shots, queries));
  const executable = await compile(capture(program.fn, ...program.specs), { device });
  const params = program.layout.entries.map(drawParam);
  const signs = program.layout.entries.map(drawSigns);
  const references = readReference(name);
  const errors: number[] = [];
  for (const task of tasks) {
    const results = await executable.run([...params, ...drawEpisode(experiment, task, shots, queries)]);
    const result = new Map(executable.outputs.map((output, i) => [output.name, results[i]!]));
    errors.push(relativeError(program, result, references[task]!, signs));
  }
  await executable.close();
  return errors;
}

/** |ours - reference| / |reference| over all tensors, estimated from their projections. */
function relativeError(
  { layout }: LeafProgram,
  result: ReadonlyMap<string, NumericArray>,
  reference: ReadonlyMap<string, readonly number[]>,
  signs: readonly Int8Array[],
): number {
  let [difference, length] = [0, 0];
  for (const [k, { name, size }] of layout.entries.entries()) {
    const gradient = result.get(`gradient/${name}`)!;
    for (let projection = 0; projection < PROJECTIONS; projection++) {
      let sum = 0;
      for (let i = 0; i < size; i++) sum += signs[k]![projection * size + i]! * gradient[i]!;
      const expected = reference.get(name)![projection]!;
      difference += (sum - expected) ** 2;
      length += expected ** 2;
    }
  }
  return Math.sqrt(difference / length);
}

/** For each task, the values of each tensor and of the loss. */
function readReference(name: string): ReadonlyMap<string, readonly number[]>[] {
  const tasks: Map<string, readonly number[]>[] = [];
  const file = new URL("../reference/meta-gradients.csv", import.meta.url);
  for (const line of readFileSync(file, "utf8").trim().split("\n")) {
    const [caseName, task, tensor, ...values] = line.split(",");
    if (caseName !== name) continue;
    tasks[Number(task)] ??= new Map();
    tasks[Number(task)]!.set(tensor!, values.map(Number));
  }
  return tasks;
}

function shapesOf({ model }: Experiment, shots: number, queries: number): TaskShapes {
  const isImages = model.type === "conv4";
  const examples = (perClass: number): ExamplesSpec => {
    const n = isImages ? WAYS * perClass : perClass;
    return {
      x: { shape: isImages ? [n, 28, 28, 1] : [n, 1], dtype: "float32" },
      y: isImages ? { shape: [n], dtype: "int32" } : { shape: [n, 1], dtype: "float32" },
    };
  };
  return {
    problem: isImages ? { type: "classification", ways: WAYS } : { type: "regression", outputs: 1 },
    spec: () => ({ support: examples(shots), query: examples(queries) }),
  };
}

/** 32 bits for integer coordinates: MurmurHash3's finalizer after each. */
function bits(...coordinates: readonly number[]): number {
  let h = 0;
  for (const coordinate of coordinates) {
    h ^= (coordinate + 0x9e3779b9) | 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    h ^= h >>> 16;
  }
  return h >>> 0;
}

function uniform(...coordinates: readonly number[]): number {
  return (bits(...coordinates) >>> 8) / 2 ** 24;
}

function drawParam({ name, shape, size }: ParamEntry, k: number): Float32Array {
  const [fanIn, fanOut] = shape.slice(-2) as [number, number];
  const area = shape.slice(0, -2).reduce((product, side) => product * side, 1);
  return Float32Array.from({ length: size }, (_, i) => {
    const u = uniform(PARAMETERS, k, i);
    if (name.startsWith("rate.")) return 0.2 * u;
    if (name.endsWith("weights")) return Math.sqrt(6 / (area * (fanIn + fanOut))) * (2 * u - 1);
    return name.endsWith("gamma") ? 2 * u - 0.2 : 0.6 * u - 0.3;
  });
}

function drawSigns({ size }: ParamEntry, k: number): Int8Array {
  return Int8Array.from(
    { length: PROJECTIONS * size },
    (_, i) => 1 - 2 * (bits(SIGNS, k, Math.floor(i / size), i % size) & 1),
  );
}

function drawEpisode(
  { model }: Experiment,
  task: number,
  shots: number,
  queries: number,
): readonly NumericArray[] {
  const draw = model.type === "conv4" ? drawImages : drawSines;
  return [...draw(task, 0, shots), ...draw(task, shots, queries)];
}

function drawImages(task: number, first: number, perClass: number): [Float32Array, Int32Array] {
  const x = Float32Array.from({ length: WAYS * perClass * 784 }, (_, i) => {
    const [pixel, example] = [i % 784, Math.floor(i / 784)];
    const [way, instance] = [Math.floor(example / perClass), (example % perClass) + first];
    const cell = Math.floor(pixel / 28 / 4) * 7 + Math.floor((pixel % 28) / 4);
    const isTurned = uniform(FLIPS, task, way, instance, cell) < 0.125;
    const noise = uniform(NOISE, task, way, instance, pixel);
    return (bits(CELLS, task, way, cell) & 1) !== Number(isTurned) ? 1 - noise / 4 : noise / 4;
  });
  return [x, Int32Array.from({ length: WAYS * perClass }, (_, i) => Math.floor(i / perClass))];
}

function drawSines(task: number, first: number, count: number): [Float32Array, Float32Array] {
  const [amplitude, phase] = [0.1 + 4.9 * uniform(SINES, task, 0), 3 * uniform(SINES, task, 1)];
  const x = Float32Array.from({ length: count }, (_, i) => 10 * uniform(SINES, task, 2 + first + i) - 5);
  const y = x.map((value) => {
    const t = (value - phase) / 4;
    return amplitude * (t - t * t * t);
  });
  return [x, y];
}
