import { Unpackr } from "msgpackr";
import { z } from "zod";
import { checkHeader } from "./check-header.ts";
import {
  bodyOffset,
  CONTINUATION,
  chunkCount,
  FIRST_FRAME,
  FRAME_FORMAT,
  floatBytes,
  isWhole,
} from "./frame.ts";
import { CHUNK_BYTES, type MessageLimits, PREFIX_BYTES } from "./limits.ts";
import { CLOSE_CODES, MalformedFrame } from "./malformed-frame.ts";
import type { Vocabulary } from "./vocabulary.ts";

const unpackr = new Unpackr({ useRecords: false, int64AsType: "number" });

export interface Decoded<Message> {
  readonly message: Message;
  /** Aligned, and owned by whoever receives it. */
  readonly body: Float32Array | null;
}

/** A message whose floats are still coming in. */
interface Unfinished<Message> {
  readonly message: Message;
  readonly body: Float32Array;
  readonly chunkCount: number;
  chunkIndex: number;
}

/**
 * Turns frames back into checked messages, one connection's worth of them.
 *
 * Trusts nothing: every length is compared with the bytes that are there before anything is read or
 * allocated, and a message is checked against the schema before anybody sees it.
 */
export class Decoder<Message extends { readonly type: string }> {
  readonly #vocabulary: Vocabulary<Message>;
  readonly #limitsOfFirst: MessageLimits;
  readonly #limitsOfRest: MessageLimits;
  #messageCount = 0;
  #unfinished: Unfinished<Message> | null = null;

  /** `limitsOfFirst` hold for the first message, which comes from a stranger. */
  constructor(vocabulary: Vocabulary<Message>, limitsOfFirst: MessageLimits, limitsOfRest: MessageLimits) {
    this.#vocabulary = vocabulary;
    this.#limitsOfFirst = limitsOfFirst;
    this.#limitsOfRest = limitsOfRest;
  }

  /**
   * Takes one frame; returns the message that it completes, or null while chunks are missing.
   *
   * @param isOwned nobody else has the frame's memory: a body of one chunk may stay where it is
   * @throws {MalformedFrame} with the code to close with; the decoder must not be used after that
   */
  push(frame: Uint8Array, isOwned = false): Decoded<Message> | null {
    if (frame.byteLength < PREFIX_BYTES) throw protocolError(`frame of ${frame.byteLength} bytes`);
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const [kind, format, zeros] = [view.getUint8(0), view.getUint8(1), view.getUint16(2, true)];
    if (format !== FRAME_FORMAT) throw protocolError(`frame format ${format}, expected ${FRAME_FORMAT}`);
    if (zeros !== 0) throw protocolError("reserved bytes are not 0");
    const bodyBytes = view.getUint32(8, true);
    if (kind === FIRST_FRAME) return this.#first(frame, view.getUint32(4, true), bodyBytes, isOwned);
    if (kind === CONTINUATION) return this.#continue(frame, view.getUint32(4, true), bodyBytes);
    throw protocolError(`frame kind 0x${kind.toString(16)}`);
  }

  #first(
    frame: Uint8Array,
    headerBytes: number,
    bodyBytes: number,
    isOwned: boolean,
  ): Decoded<Message> | null {
    if (this.#unfinished !== null)
      throw protocolError("a new message before the last chunk of the one before");
    const limits = this.#messageCount === 0 ? this.#limitsOfFirst : this.#limitsOfRest;
    if (headerBytes > limits.headerBytesMax) throw tooBig("header", headerBytes, limits.headerBytesMax);
    if (bodyBytes > limits.bodyBytesMax) throw tooBig("body", bodyBytes, limits.bodyBytesMax);
    if (bodyBytes % 4 !== 0) throw protocolError(`body of ${bodyBytes} bytes is no float32 vector`);
    const offset = bodyOffset(headerBytes);
    const expected = offset + Math.min(bodyBytes, CHUNK_BYTES);
    if (frame.byteLength !== expected) {
      throw protocolError(`frame of ${frame.byteLength} bytes, expected ${expected}`);
    }
    if (!isWhole(frame)) throw damaged();
    const message = this.#readHeader(frame.subarray(PREFIX_BYTES, PREFIX_BYTES + headerBytes));
    this.#messageCount++;

    if (!this.#vocabulary.withBody.has(message.type)) {
      if (bodyBytes > 0) throw protocolError(`${message.type} with a body`);
      return { message, body: null };
    }
    const chunks = chunkCount(bodyBytes);
    if (isOwned && chunks === 1 && fillsItsMemory(frame, offset)) {
      return { message, body: new Float32Array(frame.buffer, frame.byteOffset + offset, bodyBytes / 4) };
    }
    const body = new Float32Array(bodyBytes / 4);
    floatBytes(body).set(frame.subarray(offset), 0);
    if (chunks === 1) return { message, body };
    this.#unfinished = { message, body, chunkCount: chunks, chunkIndex: 1 };
    return null;
  }

  #continue(frame: Uint8Array, index: number, bodyBytes: number): Decoded<Message> | null {
    const unfinished = this.#unfinished;
    if (unfinished === null) throw protocolError("a continuation without a message");
    if (index !== unfinished.chunkIndex)
      throw protocolError(`chunk ${index}, expected ${unfinished.chunkIndex}`);
    if (bodyBytes !== unfinished.body.byteLength) throw protocolError("chunks disagree on the body's length");
    const start = index * CHUNK_BYTES;
    const expected = PREFIX_BYTES + Math.min(CHUNK_BYTES, bodyBytes - start);
    if (frame.byteLength !== expected) {
      throw protocolError(`frame of ${frame.byteLength} bytes, expected ${expected}`);
    }
    if (!isWhole(frame)) throw damaged();
    floatBytes(unfinished.body).set(frame.subarray(PREFIX_BYTES), start);
    unfinished.chunkIndex++;
    if (unfinished.chunkIndex < unfinished.chunkCount) return null;
    this.#unfinished = null;
    return { message: unfinished.message, body: unfinished.body };
  }

  #readHeader(header: Uint8Array): Message {
    checkHeader(header);
    let value: unknown;
    try {
      value = unpackr.unpack(header);
    } catch (error) {
      throw new MalformedFrame(CLOSE_CODES.invalidData, "header is no MessagePack", { cause: error });
    }
    const checked = this.#vocabulary.schema.safeParse(value);
    if (checked.success) return checked.data;
    throw new MalformedFrame(
      CLOSE_CODES.invalidData,
      `no message of a ${this.#vocabulary.speaker}: ${firstIssue(checked.error)}`,
    );
  }
}

/** Floats at `offset` are aligned, and keep no memory alive beside the frame's: it is no small part of a buffer. */
function fillsItsMemory(frame: Uint8Array, offset: number): boolean {
  const isAligned = (frame.byteOffset + offset) % Float32Array.BYTES_PER_ELEMENT === 0;
  return isAligned && frame.buffer.byteLength <= 2 * frame.byteLength;
}

function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return z.prettifyError(error);
  return `${issue.path.join(".") || "message"}: ${issue.message}`;
}

function protocolError(reason: string): MalformedFrame {
  return new MalformedFrame(CLOSE_CODES.protocolError, reason);
}

function damaged(): MalformedFrame {
  const reason = "the frame's checksum does not match: bytes were changed on the way";
  return new MalformedFrame(CLOSE_CODES.invalidData, reason);
}

function tooBig(part: string, bytes: number, bytesMax: number): MalformedFrame {
  return new MalformedFrame(CLOSE_CODES.tooBig, `${part} of ${bytes} bytes, at most ${bytesMax}`);
}
