import { compile } from "./compile.ts";
import type { Graph } from "./graph.ts";
import { GraphBuilder } from "./graph-builder.ts";
import { GraphError } from "./graph-error.ts";

/** Whether a device can be used here and, if not, what is missing and the command that brings it. */
export type DeviceState =
  | { readonly device: string; readonly state: "usable" }
  | {
      readonly device: string;
      readonly state: "missing";
      readonly reason: string;
      readonly command: string | null;
    };

/**
 * Tries every device by opening it and computing `x + x` there.
 *
 * Takes up to some seconds where there are GPU libraries to load. A graphics loader that finds no driver may
 * write a line of its own to standard error.
 */
export async function listDevices(): Promise<readonly DeviceState[]> {
  const states: DeviceState[] = [];
  for (const device of ["cpu", "cuda", "webgpu", "tensorflow"]) states.push(await tryDevice(device));
  return states;
}

/** Opens one device and computes on it. */
export async function tryDevice(device: string): Promise<DeviceState> {
  try {
    const executable = await compile(doubling(), { device });
    const [result] = await executable.run([Float32Array.of(2)]);
    await executable.close();
    if (result![0] === 4) return { device, state: "usable" };
    return { device, state: "missing", reason: `${device}: computes 2 + 2 = ${result![0]}`, command: null };
  } catch (error) {
    if (!(error instanceof GraphError)) throw error;
    return { device, state: "missing", reason: error.message, command: error.command };
  }
}

function doubling(): Graph {
  const builder = new GraphBuilder();
  const spec = { shape: [1], dtype: "float32" } as const;
  const x = builder.input("x", 0, spec.shape, spec.dtype);
  return {
    inputs: [{ name: "x", ...spec }],
    outputs: [{ name: "doubled", ...spec }],
    results: [builder.binary("add", x, x)],
    largeConstants: [],
  };
}
