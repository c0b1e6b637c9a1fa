import { endianness } from "node:os";
import { ShoalError } from "@shoal/core/outer";
import { CHECKPOINT_HEADER_BYTES_MAX } from "./limits.ts";

/** A named float32 tensor, row-major. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Entry of a safetensors header. */
interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** Bytes in front of the header: its length, as a little-endian 64-bit integer. */
const PREFIX_BYTES = 8;

/**
 * Float32 tensors in the safetensors format, in chunks to be written one after the other.
 *
 * @param metadata strings for the header's `__metadata__`
 * @see https://huggingface.co/docs/safetensors
 */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array[] {
  let offset = 0;
  const entries = tensors.map(({ name, shape, values }): [string, Entry] => {
    const begin = offset;
    offset += values.byteLength;
    return [name, { dtype: "F32", shape, data_offsets: [begin, offset] }];
  });
  const text = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Spaces behind the JSON keep the data aligned.
  const header = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeBigUInt64LE(BigInt(header.length));
  return [prefix, header, ...tensors.map(({ values }) => littleEndian(values))];
}

/**
 * The float32 tensors of a safetensors file, by name. The values are copies.
 *
 * @throws {ShoalError} E_CHECKPOINT if the file is cut off or not of this format
 */
export function decodeSafetensors(bytes: Uint8Array, path: string): ReadonlyMap<string, NamedTensor> {
  const wrong = (what: string): ShoalError =>
    new ShoalError(
      "E_CHECKPOINT",
      `${path}: expected a safetensors file, got ${what}; use another checkpoint`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < PREFIX_BYTES) throw wrong(`${bytes.length} bytes`);
  const headerBytes = Number(view.getBigUint64(0, true));
  const start = PREFIX_BYTES + headerBytes;
  if (headerBytes > CHECKPOINT_HEADER_BYTES_MAX || start > bytes.length)
    throw wrong("a header that is cut off");
  let header: Record<string, Entry>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, start))) as Record<
      string,
      Entry
    >;
  } catch {
    throw wrong("a header that is not JSON");
  }
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const size = entry.shape.reduce((product, side) => product * side, 1);
    if (entry.dtype !== "F32") throw wrong(`${name} as ${entry.dtype}, not F32`);
    if (end - begin !== 4 * size || start + end > bytes.length) throw wrong(`${name} cut off`);
    const copy = bytes.slice(start + begin, start + end);
    const values = fromLittleEndian(copy);
    tensors.set(name, { name, shape: entry.shape, values });
  }
  return tensors;
}

function littleEndian(values: Float32Array): Uint8Array {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === "LE" ? bytes : Buffer.from(bytes).swap32();
}

function fromLittleEndian(bytes: Uint8Array): Float32Array {
  if (endianness() === "BE") Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap32();
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
