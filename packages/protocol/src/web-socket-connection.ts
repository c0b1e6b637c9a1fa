import type { WebSocket } from "ws";
import type { Closed, Connection } from "./connection.ts";
import type { Decoded, Decoder } from "./decoder.ts";
import { encode, framesBytes } from "./encode.ts";
import {
  bufferedBytesMax,
  CLOSE_MS,
  CLOSE_REASON_BYTES_MAX,
  type MessageLimits,
  PONG_BUFFERED_BYTES_MAX,
} from "./limits.ts";
import { CLOSE_CODES, MalformedFrame } from "./malformed-frame.ts";
import type { Vocabulary } from "./vocabulary.ts";

type Speech = { readonly type: string };

/** A `Connection` over an open WebSocket. Reading starts when `onMessage` is called. */
export class WebSocketConnection<Out extends Speech, In extends Speech> implements Connection<Out, In> {
  readonly peer: string;
  receivedAtMs = performance.now();
  readonly #socket: WebSocket;
  readonly #vocabulary: Vocabulary<Out>;
  readonly #decoder: Decoder<In>;
  readonly #bufferedBytesMax: number;
  #messageHandler: ((message: In, body: Float32Array | null) => void) | null = null;
  /** Messages that wait for a handler: what had been read from the network before it was paused. */
  readonly #early: Decoded<In>[] = [];
  #closed: Closed | null = null;
  #closeHandler: ((closed: Closed) => void) | null = null;
  /** Why we close, when the reason is ours: the other side may not live to repeat it. */
  #reason: Closed | null = null;
  #destroyTimer: NodeJS.Timeout | undefined;

  /** @param limits of both sides' messages; what may wait to be sent follows from them */
  constructor(
    socket: WebSocket,
    peer: string,
    vocabulary: Vocabulary<Out>,
    decoder: Decoder<In>,
    limits: MessageLimits,
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#vocabulary = vocabulary;
    this.#decoder = decoder;
    this.#bufferedBytesMax = bufferedBytesMax(limits);
    socket.pause();
    socket.on("message", (data, isBinary) => this.#take(data as Buffer, isBinary));
    // Pings are answered here, not by ws: a peer that sends them and reads nothing would fill our memory.
    socket.on("ping", (data) => {
      if (this.bufferedBytes <= PONG_BUFFERED_BYTES_MAX) socket.pong(data);
    });
    socket.on("error", (error) => {
      this.#reason ??= { code: closeCodeOf(error), reason: error.message };
    });
    socket.on("close", (code, reason) => {
      clearTimeout(this.#destroyTimer);
      this.#closed = this.#reason ?? { code, reason: reason.toString() };
      this.#closeHandler?.(this.#closed);
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(message: Out, body?: Float32Array): void {
    this.sendFrames(encode(this.#vocabulary, message, body ?? null));
  }

  sendFrames(frames: readonly Buffer[]): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const waiting = this.bufferedBytes + framesBytes(frames);
    if (waiting > this.#bufferedBytesMax) {
      this.close(
        CLOSE_CODES.policy,
        `reads too slowly: ${waiting} bytes wait, at most ${this.#bufferedBytesMax}`,
      );
      return;
    }
    for (const frame of frames) this.#socket.send(frame, { binary: true, compress: false });
  }

  onMessage(handler: (message: In, body: Float32Array | null) => void): void {
    this.#messageHandler = handler;
    for (let next = this.#early.shift(); next !== undefined; next = this.#early.shift()) {
      handler(next.message, next.body);
    }
    this.#socket.resume();
  }

  /** Gives a message back, for the handler that is set next; nothing is read until then. */
  putBack(decoded: Decoded<In>): void {
    this.#early.unshift(decoded);
    this.#messageHandler = null;
    this.#socket.pause();
  }

  onClose(handler: (closed: Closed) => void): void {
    this.#closeHandler = handler;
    const closed = this.#closed;
    if (closed !== null) queueMicrotask(() => handler(closed));
  }

  close(code: number, reason: string): void {
    if (this.#closed !== null) return;
    this.#reason ??= { code, reason };
    // A paused socket would never see the other side's close frame.
    this.#socket.resume();
    this.#socket.close(code, truncateReason(reason));
    this.#destroyTimer ??= setTimeout(() => this.#socket.terminate(), CLOSE_MS);
  }

  #take(frame: Buffer, isBinary: boolean): void {
    this.receivedAtMs = performance.now();
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    const decoded = this.#decode(frame, isBinary);
    if (decoded === null) return;
    // A paused socket may still give the messages of the bytes that it has read.
    if (this.#messageHandler === null) this.#early.push(decoded);
    else this.#messageHandler(decoded.message, decoded.body);
  }

  #decode(frame: Buffer, isBinary: boolean): ReturnType<Decoder<In>["push"]> {
    try {
      if (!isBinary) throw new MalformedFrame(CLOSE_CODES.protocolError, "text frame, expected a binary one");
      // ws has put the frame together for this call alone.
      return this.#decoder.push(frame, true);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.close(error.closeCode, error.message);
      return null;
    }
  }
}

function closeCodeOf(error: Error): number {
  const code = "code" in error ? String(error.code) : "";
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return CLOSE_CODES.tooBig;
  return code.startsWith("WS_ERR") ? CLOSE_CODES.protocolError : CLOSE_CODES.abnormal;
}

/** Cuts a reason to what a close frame holds, between characters. */
export function truncateReason(reason: string): string {
  const bytes = Buffer.from(reason);
  if (bytes.byteLength <= CLOSE_REASON_BYTES_MAX) return reason;
  let end = CLOSE_REASON_BYTES_MAX;
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString();
}
