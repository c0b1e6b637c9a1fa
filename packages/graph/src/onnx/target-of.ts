import type { Device, Target } from "../device.ts";
import { findBlockSize } from "./block-size.ts";

/** What a graph must be serialized for to run on a device; null where the device takes graphs as they are. */
export async function targetOf({ type }: Device): Promise<Target | null> {
  if (type === "cuda" || type === "webgpu") return "gpu";
  if (type !== "cpu") return null;
  const blockSize = await findBlockSize();
  return blockSize === null ? "cpu" : `cpu-${blockSize}`;
}
