import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs-core";
import type { Executable } from "../executable.ts";
import type { Graph } from "../graph.ts";
import { GraphError } from "../graph-error.ts";
import { compileTfjs } from "./tfjs-executor.ts";

const GPU_PACKAGE = "@tensorflow/tfjs-node-gpu";
const CPU_PACKAGE = "@tensorflow/tfjs-node";

/** The version of TensorFlow.js that the ops here are written for; another would register its own core. */
const VERSION = "4.22.0";

/** What is read of tfjs-node's backend beyond TensorFlow.js's own interface. */
interface NodeBackend {
  readonly isGPUPackage?: boolean;
  readonly isUsingGpuDevice?: boolean;
}

let loading: Promise<void> | null = null;

/**
 * Runs a graph on TensorFlow, through @tensorflow/tfjs-node-gpu or, where that is not installed,
 * @tensorflow/tfjs-node. Neither is a dependency: who wants this device installs one of them.
 *
 * @throws {GraphError} E_DEVICE if none is installed, or the one that is does not load, or it is the GPU
 * package and TensorFlow finds no GPU
 */
export async function compileTensorflow(graph: Graph): Promise<Executable> {
  loading ??= loadTensorflow();
  try {
    await loading;
  } catch (error) {
    // What is missing may be installed before the next call.
    loading = null;
    throw error;
  }
  return compileTfjs(graph, "tensorflow", "tensorflow");
}

async function loadTensorflow(): Promise<void> {
  if (tf.findBackendFactory("tensorflow") === null) {
    restoreRemovedUtilities();
    // The package makes itself current when it is imported.
    const before = tf.engine().backendName;
    try {
      if (!(await importIfInstalled(GPU_PACKAGE)) && !(await importIfInstalled(CPU_PACKAGE))) {
        throw new GraphError(
          "E_DEVICE",
          `tensorflow: expected ${GPU_PACKAGE} or ${CPU_PACKAGE}, got neither; for a GPU install the first`,
          { command: installCommand(CPU_PACKAGE) },
        );
      }
    } finally {
      if (before !== undefined && before !== null) void tf.setBackend(before);
    }
  }
  const backend = tf.findBackend("tensorflow") as NodeBackend | null;
  if (backend?.isGPUPackage === true && backend.isUsingGpuDevice === false) {
    throw new GraphError(
      "E_DEVICE",
      `tensorflow: ${GPU_PACKAGE} finds no GPU; it needs an NVIDIA driver, CUDA 11.2 and cuDNN 8.1 on the ` +
        "library path. To compute on the CPU instead, take the other package",
      { command: `npm uninstall --no-save ${GPU_PACKAGE} && ${installCommand(CPU_PACKAGE)}` },
    );
  }
}

/** Its install script downloads TensorFlow; scripts are off by default here (`.npmrc`). */
function installCommand(name: string): string {
  return `npm install --no-save --ignore-scripts=false ${name}@${VERSION}`;
}

/** @returns false if the package is not installed */
async function importIfInstalled(name: string): Promise<boolean> {
  let path: string;
  try {
    path = createRequire(import.meta.url).resolve(name);
  } catch {
    return false;
  }
  try {
    await import(pathToFileURL(path).href);
    return true;
  } catch (error) {
    throw new GraphError("E_DEVICE", `tensorflow: ${name} is installed but does not load: ${String(error)}`, {
      cause: error,
      command: `npm rebuild --ignore-scripts=false ${name}`,
    });
  }
}

/** tfjs-node 4.22 calls two functions of `node:util` that Node 23 removed. */
function restoreRemovedUtilities(): void {
  const util = createRequire(import.meta.url)("node:util") as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
}
