import { encodeSafetensors } from "@shoal/coordinator";
import type { Learner } from "./learner.ts";

/** The shared initialization as named float32 tensors, row-major, in the safetensors format. */
export function exportSafetensors(
  { checkpoint }: Learner,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const { layout, params } = checkpoint;
  const tensors = layout.entries.map(({ name, shape, offset, size }) => ({
    name,
    shape,
    values: params.subarray(offset, offset + size),
  }));
  return Buffer.concat(encodeSafetensors(tensors, metadata));
}
