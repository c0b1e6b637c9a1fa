import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import * as ort from "onnxruntime-node";
import { GraphError } from "../graph-error.ts";
import type { OnnxDevice } from "./onnx-executor.ts";

/** Errors come as exceptions; ONNX Runtime need not write them to the terminal as well. */
export const LOG_FATAL_ONLY = 4 as const;

/**
 * How ONNX Runtime opens a device. Its own graph optimizations are off: they fuse transposes into slower
 * products, or into kernels that a GPU lacks, and ours have run already.
 *
 * On the CPU one session has one thread, so that the same leaf has the same bits wherever it runs;
 * throughput comes from one session per core. On a GPU a node without a kernel there is an error, where
 * ONNX Runtime by itself would move it to the CPU.
 */
export function sessionOptionsOf(device: OnnxDevice): ort.InferenceSession.SessionOptions {
  const shared = {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
  } as const;
  if (device.type === "cpu") {
    // A plan of all memory ahead of the first run keeps twice as much as the arena does without one.
    return { ...shared, executionProviders: ["cpu"], enableMemPattern: false };
  }
  return {
    ...shared,
    executionProviders: [
      device.type === "cuda" ? { name: "cuda", deviceId: device.index } : { name: "webgpu" },
    ],
    extra: { session: { disable_cpu_ep_fallback: "1" } },
    logSeverityLevel: LOG_FATAL_ONLY,
  };
}

/** Why a device does not open, told from ONNX Runtime's message; the first that matches. */
const causes: readonly {
  readonly device: OnnxDevice["type"];
  readonly message: RegExp;
  readonly missing: string;
  readonly command?: string;
}[] = [
  {
    device: "webgpu",
    message: /is unsupported: 'webgpu'/,
    missing: "this platform's ONNX Runtime has no WebGPU",
  },
  {
    device: "webgpu",
    message: /Failed to get a WebGPU adapter/,
    missing:
      "expected a GPU with a driver for Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS), found none; " +
      "NVIDIA's driver brings its own, for Intel and AMD on Debian and Ubuntu",
    command: "sudo apt-get install libvulkan1 mesa-vulkan-drivers",
  },
  {
    device: "cuda",
    message: /Failed to load shared library/,
    missing:
      "expected the libraries of CUDA 12 and cuDNN 9 where the loader finds them (LD_LIBRARY_PATH); " +
      "`ldd` on libonnxruntime_providers_cuda.so names what is not found",
  },
  {
    device: "cuda",
    message: /CUDA failure 101\b|invalid device ordinal/i,
    missing: "there is no CUDA device of this index; `nvidia-smi` lists them",
  },
  {
    device: "cuda",
    message: /CUDA failure (35|100)\b|no CUDA-capable device|driver version is insufficient/i,
    missing: "expected an NVIDIA GPU and a driver for CUDA 12; `nvidia-smi` says what there is",
  },
];

/** Says what a device that did not open is missing, and how to get it. */
export function openError(device: OnnxDevice, error: unknown): GraphError {
  const name = nameOf(device);
  const message = String(error);
  const cause = causes.find((one) => one.device === device.type && one.message.test(message));
  if (cause !== undefined) {
    const command = cause.command === undefined ? {} : { command: cause.command };
    return new GraphError("E_DEVICE", `${name}: ${cause.missing}`, { cause: error, ...command });
  }
  if (message.includes("fallback to CPU EP has been explicitly disabled")) {
    return new GraphError(
      "E_DEVICE",
      `${name}: the graph has an operator that ONNX Runtime cannot compute there; use the device cpu`,
      { cause: error },
    );
  }
  return new GraphError("E_DEVICE", `${name}: ONNX Runtime refused the graph: ${message}`, { cause: error });
}

/**
 * Checks that ONNX Runtime's CUDA libraries are installed: its own message when they are not does not say so.
 *
 * @throws {GraphError} E_DEVICE
 */
export function checkInstalled(device: OnnxDevice): void {
  if (device.type !== "cuda") return;
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new GraphError(
      "E_DEVICE",
      `${nameOf(device)}: ONNX Runtime's npm package has CUDA for Linux on x64 alone, this is ` +
        `${process.platform} on ${process.arch}`,
    );
  }
  const folder = join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node")), "..");
  const files = readdirSync(join(folder, "bin"), { recursive: true, encoding: "utf8" });
  if (!files.some((file) => file.endsWith("libonnxruntime_providers_cuda.so"))) {
    const script = join(relative(process.cwd(), folder), "script", "install");
    throw new GraphError(
      "E_DEVICE",
      `${nameOf(device)}: ONNX Runtime is installed without its CUDA libraries`,
      {
        command: `node ${script} --onnxruntime-node-install=cuda12`,
      },
    );
  }
}

/** The device as `parseDevice` reads it. */
export function nameOf(device: OnnxDevice): string {
  return device.type === "cuda" ? `cuda:${device.index}` : device.type;
}

/** Names of the execution providers that are compiled into this machine's ONNX Runtime: `cpu`, ... */
export function listBackends(): readonly string[] {
  return ort.listSupportedBackends().map(({ name }) => name);
}
