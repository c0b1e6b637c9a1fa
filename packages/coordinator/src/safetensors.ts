import { ShoalError } from "@shoal/core/outer";
import { z } from "zod";
import { bytesOfFloats, floatsOfBytes } from "./float-bytes.ts";
import { CHECKPOINT_HEADER_BYTES_MAX } from "./limits.ts";

/** A named float32 tensor, row-major. */
export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Entry of a safetensors header. */
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  /** First byte, and the one behind the last, counted from the end of the header. */
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
});

type Entry = z.infer<typeof entrySchema>;

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
    return [name, { dtype: "F32", shape: [...shape], data_offsets: [begin, offset] }];
  });
  const text = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  // Spaces behind the JSON keep the data aligned.
  const header = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeBigUInt64LE(BigInt(header.length));
  return [prefix, header, ...tensors.map(({ values }) => bytesOfFloats(values))];
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
  const header = parseHeader(bytes.subarray(PREFIX_BYTES, start));
  if (header === null) throw wrong("a header that is not JSON");
  const tensors = new Map<string, NamedTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const parsed = entrySchema.safeParse(entry);
    if (!parsed.success) throw wrong(`${name} without a type, shape and place`);
    const { dtype, shape, data_offsets } = parsed.data;
    const [begin, end] = data_offsets;
    const size = shape.reduce((product, side) => product * side, 1);
    if (dtype !== "F32") throw wrong(`${name} as ${dtype}, not F32`);
    if (end - begin !== 4 * size || start + end > bytes.length) throw wrong(`${name} cut off`);
    const values = floatsOfBytes(bytes.subarray(start + begin, start + end));
    tensors.set(name, { name, shape, values });
  }
  return tensors;
}

/** The header's entries by name; null if it is no JSON object. */
function parseHeader(bytes: Uint8Array): Record<string, unknown> | null {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return null;
  }
}
