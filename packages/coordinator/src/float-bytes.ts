import { endianness } from "node:os";

/** The bytes of float32 values, little-endian: a view where this machine is little-endian itself. */
export function bytesOfFloats(values: Float32Array): Uint8Array {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32();
}

/** The float32 values of little-endian bytes, at any alignment; a copy. */
export function floatsOfBytes(bytes: Uint8Array): Float32Array {
  const copy = new Uint8Array(bytes);
  if (endianness() === "BE") Buffer.from(copy.buffer).swap32();
  return new Float32Array(copy.buffer);
}
