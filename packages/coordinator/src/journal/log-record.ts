import { crc32 } from "node:zlib";
import { z } from "zod";

/**
 * A record of the log: 24 bytes in front, a head of JSON, a body of bytes.
 *
 *     offset  bytes
 *          0      4  magic, "SLOG"
 *          4      4  length of the head, uint32
 *          8      4  length of the body, uint32
 *         12      4  CRC-32 of the head
 *         16      4  CRC-32 of the body
 *         20      4  CRC-32 of the 20 bytes in front of it
 *         24         head: JSON, UTF-8
 *                    body: float32, for a round: its gradient sum, then its statistics
 *
 * All numbers are little-endian. Every byte is under one of the checksums, so a changed one is found; a
 * changed length is found before it is believed.
 */
export interface LogRecord {
  readonly head: LogHead;
  readonly body: Uint8Array;
}

const segmentSchema = z.object({
  type: z.literal("segment"),
  format: z.literal(1),
  runId: z.string(),
  incarnation: z.int().min(1),
  /** Committed steps where the segment begins. */
  step: z.int().min(0),
});

/** Level and index of the block, the worker's id in its incarnation, its lease, CRC-32 of the result's body. */
const blockSchema = z.tuple([z.int().min(0), z.int().min(0), z.string(), z.int(), z.string()]);

const roundSchema = z.object({
  type: z.literal("round"),
  incarnation: z.int().min(1),
  /** Number of the round in its run. */
  round: z.int().min(0),
  purpose: z.enum(["train", "validation", "test-before", "test-after", "evaluate"]),
  /** Committed steps of the parameters that were used. */
  version: z.int().min(0),
  leaves: z.int().min(1),
  tasks: z.int().min(1),
  /** Hash of the parameters that were used. */
  parent: z.string(),
  /** Hash of the parameters that follow; of an evaluation, the same. */
  paramsHash: z.string(),
  /** Names of the workers that this incarnation had not named before, by id. */
  workers: z.record(z.string(), z.string()),
  /** Every block that counted, in order of its leaves. */
  blocks: z.array(blockSchema),
  /** The line of `metrics.jsonl`. */
  metric: z.record(z.string(), z.unknown()),
  /** Floats in the body: the sum of the gradients over all tasks (0: it was too large to be logged). */
  gradientFloats: z.int().min(0),
  /** And then the statistics [tasks, names], row by row. */
  statFloats: z.int().min(0),
});

const headSchema = z.discriminatedUnion("type", [segmentSchema, roundSchema]);

export type LogHead = z.infer<typeof headSchema>;
export type RoundHead = z.infer<typeof roundSchema>;
export type CountedBlock = z.infer<typeof blockSchema>;

const MAGIC = Buffer.from("SLOG");
const PREFIX_BYTES = 24;

/** The record in chunks, to be written one after the other. */
export function encodeRecord(head: LogHead, body: readonly Uint8Array[] = []): Uint8Array[] {
  const headBytes = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.alloc(PREFIX_BYTES);
  MAGIC.copy(prefix);
  prefix.writeUInt32LE(headBytes.length, 4);
  prefix.writeUInt32LE(
    body.reduce((sum, chunk) => sum + chunk.length, 0),
    8,
  );
  prefix.writeUInt32LE(crc32(headBytes), 12);
  prefix.writeUInt32LE(
    body.reduce((crc, chunk) => crc32(chunk, crc), 0),
    16,
  );
  prefix.writeUInt32LE(crc32(prefix.subarray(0, 20)), 20);
  return [prefix, headBytes, ...body];
}

/** What lies at an offset of a segment: a record, or why there is none. */
export type Decoded =
  | { readonly type: "record"; readonly record: LogRecord; readonly end: number }
  | { readonly type: "cut-off"; readonly reason: string }
  | { readonly type: "damaged"; readonly reason: string };

export function decodeRecord(segment: Buffer, offset: number): Decoded {
  const rest = segment.length - offset;
  if (rest < PREFIX_BYTES) {
    // A beginning of the magic may be the beginning of a record; anything else was never one.
    const length = Math.min(rest, MAGIC.length);
    const isBeginning = segment.compare(MAGIC, 0, length, offset, offset + length) === 0;
    const reason = `${rest} of the ${PREFIX_BYTES} bytes that begin a record`;
    return isBeginning ? { type: "cut-off", reason } : { type: "damaged", reason: "no record begins here" };
  }
  const prefix = segment.subarray(offset, offset + PREFIX_BYTES);
  if (prefix.compare(MAGIC, 0, 4, 0, 4) !== 0) return { type: "damaged", reason: "no record begins here" };
  if (crc32(prefix.subarray(0, 20)) !== prefix.readUInt32LE(20)) {
    return { type: "damaged", reason: "the checksum of its lengths does not match" };
  }
  const bodyStart = offset + PREFIX_BYTES + prefix.readUInt32LE(4);
  const end = bodyStart + prefix.readUInt32LE(8);
  if (end > segment.length) {
    return { type: "cut-off", reason: `${rest} of the record's ${end - offset} bytes` };
  }
  const headBytes = segment.subarray(offset + PREFIX_BYTES, bodyStart);
  if (crc32(headBytes) !== prefix.readUInt32LE(12)) {
    return { type: "damaged", reason: "the checksum of its head does not match" };
  }
  const body = segment.subarray(bodyStart, end);
  if (crc32(body) !== prefix.readUInt32LE(16)) {
    return { type: "damaged", reason: "the checksum of its body does not match" };
  }
  const head = parseHead(headBytes);
  if (head === null) return { type: "damaged", reason: "its head is none that this version knows" };
  return { type: "record", record: { head, body }, end };
}

/** Where the next record may begin, from `offset` on; -1: nowhere. */
export function findRecord(segment: Buffer, offset: number): number {
  for (let at = segment.indexOf(MAGIC, offset); at >= 0; at = segment.indexOf(MAGIC, at + 1)) {
    if (decodeRecord(segment, at).type === "record") return at;
  }
  return -1;
}

function parseHead(bytes: Buffer): LogHead | null {
  try {
    return headSchema.parse(JSON.parse(bytes.toString()));
  } catch {
    return null;
  }
}
