import { createHash } from "node:crypto";
import { endianness } from "node:os";

/** SHA-256, in hex, of a parameter vector's bytes: float32, little-endian, in layout order. */
export function paramsHash(params: Float32Array): string {
  const bytes = Buffer.from(params.buffer, params.byteOffset, params.byteLength);
  return createHash("sha256")
    .update(endianness() === "LE" ? bytes : Buffer.from(bytes).swap32())
    .digest("hex");
}
