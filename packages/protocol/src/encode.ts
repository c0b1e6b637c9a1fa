import assert from "node:assert";
import { Packr } from "msgpackr";
import { checkHeader } from "./check-header.ts";
import { bodyOffset, CONTINUATION, chunkCount, FIRST_FRAME, floatBytes, seal, writePrefix } from "./frame.ts";
import { CHUNK_BYTES, LIMITS_AFTER_HELLO, PREFIX_BYTES } from "./limits.ts";
import type { Vocabulary } from "./vocabulary.ts";

// Records would make a frame depend on the frames before it.
const packr = new Packr({ useRecords: false });

/**
 * Writes a message as frames, ready to be sent to one peer or to many.
 *
 * One copy of the body; the frames belong to the caller and share nothing with `body`.
 *
 * @param body float32 vector of a `params` or `result` message, null for every other message
 * @throws AssertionError when the message is against its schema or its limits: a bug on this side
 */
export function encode<Message extends { readonly type: string }>(
  vocabulary: Vocabulary<Message>,
  message: Message,
  body: Float32Array | null,
): readonly Buffer[] {
  assert(
    vocabulary.withBody.has(message.type) === (body !== null),
    `encode: ${message.type} ${body === null ? "needs a body" : "has no body"}`,
  );
  const checked = vocabulary.schema.safeParse(message);
  assert(checked.success, `encode: bad ${message.type}: ${checked.error?.message}`);
  const header = packr.pack(message);
  checkHeader(header);
  const bytes = body === null ? new Uint8Array(0) : floatBytes(body);
  assert(
    header.byteLength <= LIMITS_AFTER_HELLO.headerBytesMax,
    `encode: header of ${header.byteLength} bytes`,
  );
  assert(bytes.byteLength <= LIMITS_AFTER_HELLO.bodyBytesMax, `encode: body of ${bytes.byteLength} bytes`);

  const frames = [firstFrame(header, bytes)];
  for (let index = 1; index < chunkCount(bytes.byteLength); index++) frames.push(continuation(bytes, index));
  return frames;
}

export function framesBytes(frames: readonly Buffer[]): number {
  return frames.reduce((sum, frame) => sum + frame.byteLength, 0);
}

function firstFrame(header: Buffer, body: Uint8Array): Buffer {
  const offset = bodyOffset(header.byteLength);
  const frame = Buffer.allocUnsafe(offset + Math.min(body.byteLength, CHUNK_BYTES));
  writePrefix(frame, {
    kind: FIRST_FRAME,
    headerBytesOrIndex: header.byteLength,
    bodyBytes: body.byteLength,
  });
  frame.set(header, PREFIX_BYTES);
  frame.fill(0, PREFIX_BYTES + header.byteLength, offset);
  frame.set(body.subarray(0, CHUNK_BYTES), offset);
  return seal(frame);
}

function continuation(body: Uint8Array, index: number): Buffer {
  const chunk = body.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + chunk.byteLength);
  writePrefix(frame, { kind: CONTINUATION, headerBytesOrIndex: index, bodyBytes: body.byteLength });
  frame.set(chunk, PREFIX_BYTES);
  return seal(frame);
}
