import * as ort from "onnxruntime-node";
import { GraphBuilder } from "../graph-builder.ts";
import { encodeOnnx } from "./onnx-format.ts";
import { LOG_FATAL_ONLY, sessionOptionsOf } from "./onnx-provider.ts";
import { refuseTelemetry } from "./refuse-telemetry.ts";
import { toOnnx } from "./to-onnx.ts";

/** Blocks that ONNX Runtime is built with: 16 floats for AVX-512, 8 for AVX2. */
const sizes = [16, 8] as const;

let found: Promise<16 | 8 | null> | null = null;

/**
 * Channels per block of ONNX Runtime's direct convolution on this processor; null if it has none here.
 *
 * It does not say, so a small convolution is computed with each size: only the right one gives its numbers.
 */
export function findBlockSize(): Promise<16 | 8 | null> {
  found ??= firstThatComputes();
  return found;
}

async function firstThatComputes(): Promise<16 | 8 | null> {
  refuseTelemetry();
  for (const size of sizes) if (await computes(size)) return size;
  return null;
}

const SIDE = 3;
const TAPS = 9;

/** True if a 3x3 convolution in blocks of `size` gives the numbers of its definition; all are small integers. */
async function computes(size: number): Promise<boolean> {
  const [channels, filters] = [2 * size, 2 * size];
  const b = new GraphBuilder();
  const [image, kernel] = [
    [1, SIDE, SIDE, channels],
    [SIDE, SIDE, channels, filters],
  ] as const;
  const window = { size: [3, 3], strides: [1, 1], dilations: [1, 1], padBefore: [1, 1] } as const;
  const result = b.conv(
    b.input("x", 0, image, "float32"),
    b.input("w", 1, kernel, "float32"),
    window,
    [3, 3],
  );
  const [x, w] = [integers(SIDE * SIDE * channels, 7), integers(TAPS * channels * filters, 5)];
  const graph = {
    inputs: [image, kernel].map((shape, k) => ({ name: String(k), shape, dtype: "float32" as const })),
    outputs: [{ name: "y", shape: result.shape, dtype: "float32" as const }],
    results: [result],
    largeConstants: [],
  };
  try {
    const options = { ...sessionOptionsOf({ type: "cpu" }), logSeverityLevel: LOG_FATAL_ONLY };
    const session = await ort.InferenceSession.create(encodeOnnx(toOnnx(graph, size)), options);
    const feeds = {
      input_0: new ort.Tensor("float32", x, image),
      input_1: new ort.Tensor("float32", w, kernel),
    };
    const y = (await session.run(feeds)).output_0!.data as Float32Array;
    await session.release();
    return y.every((value, i) => value === expected(x, w, channels, filters, i));
  } catch {
    // No such operators on this processor.
    return false;
  }
}

function integers(length: number, modulus: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((i * i + 3 * i) % modulus) - 2);
}

/** Element `i` of the convolution `[3, 3, filters]`, by its definition. */
function expected(x: Float32Array, w: Float32Array, channels: number, filters: number, i: number): number {
  const [position, filter] = [Math.floor(i / filters), i % filters];
  let sum = 0;
  for (let tap = 0; tap < TAPS; tap++) {
    const row = Math.floor(position / SIDE) + Math.floor(tap / SIDE) - 1;
    const column = (position % SIDE) + (tap % SIDE) - 1;
    if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) continue;
    for (let c = 0; c < channels; c++) {
      sum += x[(row * SIDE + column) * channels + c]! * w[(tap * channels + c) * filters + filter]!;
    }
  }
  return sum;
}
