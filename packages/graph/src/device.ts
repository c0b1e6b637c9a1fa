import { GraphError } from "./graph-error.ts";

/** Where a graph runs. */
export type Device =
  | { readonly type: "cpu" }
  | { readonly type: "webgpu" }
  | { readonly type: "tensorflow" }
  | { readonly type: "reference" }
  /** The CUDA device of this index, from 0. */
  | { readonly type: "cuda"; readonly index: number }
  /** A TensorFlow.js backend that the program has registered itself. */
  | { readonly type: "tfjs"; readonly backend: string };

/**
 * Reads the name of a device: `cpu`, `cuda`, `cuda:1`, `webgpu`, `tensorflow`, `tfjs:wasm`, `reference`.
 *
 * @throws {GraphError} E_DEVICE if there is no device of this name
 */
export function parseDevice(name: string): Device {
  const [type, detail] = [
    name.split(":", 1)[0]!,
    name.includes(":") ? name.slice(name.indexOf(":") + 1) : null,
  ];
  switch (type) {
    case "reference":
    case "cpu":
    case "webgpu":
    case "tensorflow":
      if (detail === null) return { type };
      break;
    case "cuda":
      if (detail === null) return { type, index: 0 };
      if (/^(0|[1-9]\d?)$/.test(detail)) return { type, index: Number(detail) };
      break;
    case "tfjs":
      if (detail !== null && detail !== "") return { type, backend: detail };
      break;
    default:
  }
  throw new GraphError(
    "E_DEVICE",
    `device: expected cpu, cuda, cuda:<index>, webgpu, tensorflow, tfjs:<backend> or reference, got "${name}"`,
  );
}

/**
 * What a graph is lowered for. `cpu-16` and `cpu-8`: a processor for which ONNX Runtime has a direct convolution
 * that takes channels in blocks of so many; `cpu`: any other; `gpu`: it lacks some of the operators.
 */
export type Target = "cpu" | "cpu-8" | "cpu-16" | "gpu";

/** Channels per block of the direct convolution, or null if the target has none. */
export function blockSizeOf(target: Target): number | null {
  return { cpu: null, "cpu-8": 8, "cpu-16": 16, gpu: null }[target];
}

/**
 * How many threads of one process may compute on a device at the same time.
 *
 * All WebGPU sessions of a process share one context, which ONNX Runtime 1.30 does not guard: two threads that
 * run at once end the process with a segmentation fault. One after the other they may.
 */
export function threadsMax(device: Device): number {
  return device.type === "webgpu" ? 1 : Number.POSITIVE_INFINITY;
}
