import { createHash } from "node:crypto";
import type { SerializedGraph } from "../onnx/serialized-graph.ts";

/** A graph as it is kept, with what its maker wants to know when it comes back. */
export interface CachedGraph {
  readonly graph: SerializedGraph;
  /** Plain data. */
  readonly about: unknown;
}

interface Header {
  readonly format: number;
  readonly key: string;
  readonly graph: Omit<SerializedGraph, "model">;
  readonly about: unknown;
}

/** Rises with every change of the layout below or of `SerializedGraph`. */
const FORMAT = 1;
const HASH_BYTES = 32;
const LENGTH_BYTES = 4;

/**
 * One file: SHA-256 of all that follows (32 bytes), length of the header (uint32, little-endian), the header
 * (JSON), the ONNX model.
 */
export function encodeCachedGraph(key: string, { graph, about }: CachedGraph): Uint8Array {
  const { model, ...rest } = graph;
  const header = new TextEncoder().encode(
    JSON.stringify({ format: FORMAT, key, graph: rest, about } satisfies Header),
  );
  const bytes = new Uint8Array(HASH_BYTES + LENGTH_BYTES + header.length + model.length);
  new DataView(bytes.buffer).setUint32(HASH_BYTES, header.length, true);
  bytes.set(header, HASH_BYTES + LENGTH_BYTES);
  bytes.set(model, HASH_BYTES + LENGTH_BYTES + header.length);
  bytes.set(hashOf(bytes.subarray(HASH_BYTES)), 0);
  return bytes;
}

/** The graph of a file, or in words why it holds none for `key`. */
export function decodeCachedGraph(key: string, bytes: Uint8Array): CachedGraph | string {
  if (bytes.length < HASH_BYTES + LENGTH_BYTES) return `expected a graph, got ${bytes.length} bytes`;
  if (hashOf(bytes.subarray(HASH_BYTES)).some((byte, i) => byte !== bytes[i])) {
    return "its checksum does not fit its content";
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(HASH_BYTES, true);
  const start = HASH_BYTES + LENGTH_BYTES;
  const text = new TextDecoder().decode(bytes.subarray(start, start + length));
  // The checksum has shown that this program wrote it, whole.
  const header = JSON.parse(text) as Header;
  if (header.format !== FORMAT) return `expected format ${FORMAT}, got ${header.format}`;
  if (header.key !== key) return "it is the graph of another key";
  return { graph: { ...header.graph, model: bytes.slice(start + length) }, about: header.about };
}

function hashOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
