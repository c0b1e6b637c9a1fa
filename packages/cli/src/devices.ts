import { parseDevice, tryDevice } from "@shoal/graph";
import type { ComputeDevice } from "@shoal/worker";
import { usageError } from "./usage-error.ts";

/** Devices that a command line may name, beside `auto`. */
const names = ["cpu", "cuda", "cuda:<index>", "webgpu", "tensorflow"];

/**
 * What `--device` names: one device or several with commas between them.
 *
 * `auto` is the first CUDA device where there is one that computes, else the CPU.
 *
 * @param threads compute threads of a CPU; a GPU has one
 * @throws E_USAGE if a name is none, or one comes twice
 */
export async function readDevices(text: string, threads: number): Promise<ComputeDevice[]> {
  const wanted = text === "auto" ? [await automatic()] : text.split(",").map((name) => name.trim());
  const devices = wanted.map((name): ComputeDevice => {
    const isKnown = /^(cpu|webgpu|tensorflow|cuda(:(0|[1-9]\d?))?)$/.test(name);
    if (!isKnown) {
      throw usageError(`--device: expected auto or some of ${names.join(", ")}, with commas, got "${name}"`);
    }
    const device = parseDevice(name);
    const isCpu = device.type === "cpu";
    return { name: name === "cuda" ? "cuda:0" : name, threads: isCpu ? threads : 1 };
  });
  const twice = devices.find(({ name }, i) => devices.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw usageError(`--device: ${twice.name} is named twice; name each device once`);
  return devices;
}

async function automatic(): Promise<string> {
  const { state } = await tryDevice("cuda:0");
  return state === "usable" ? "cuda:0" : "cpu";
}
