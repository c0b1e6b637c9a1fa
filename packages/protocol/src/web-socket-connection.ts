import type { WebSocket } from "ws";
import type { Closed, Connection } from "./connection.ts";
import type { Decoder } from "./decoder.ts";
import { encode, framesBytes } from "./encode.ts";
import { BUFFERED_BYTES_MAX, CLOSE_MS, CLOSE_REASON_BYTES_MAX } from "./limits.ts";
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
  #closed: Closed | null = null;
  #closeHandler: ((closed: Closed) => void) | null = null;
  /** Why we close, when the reason is ours: the other side may not live to repeat it. */
  #reason: Closed | null = null;
  #destroyTimer: NodeJS.Timeout | undefined;

  constructor(socket: WebSocket, peer: string, vocabulary: Vocabulary<Out>, decoder: Decoder<In>) {
    this.peer = peer;
    this.#socket = socket;
    this.#vocabulary = vocabulary;
    this.#decoder = decoder;
    socket.pause();
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
    if (waiting > BUFFERED_BYTES_MAX) {
      this.close(
        CLOSE_CODES.policy,
        `reads too slowly: ${waiting} bytes wait, at most ${BUFFERED_BYTES_MAX}`,
      );
      return;
    }
    for (const frame of frames) this.#socket.send(frame, { binary: true, compress: false });
  }

  onMessage(handler: (message: In, body: Float32Array | null) => void): void {
    this.#socket.on("message", (data, isBinary) => {
      this.receivedAtMs = performance.now();
      if (this.#socket.readyState !== this.#socket.OPEN) return;
      const decoded = this.#decode(data as Buffer, isBinary);
      if (decoded !== null) handler(decoded.message, decoded.body);
    });
    this.#socket.resume();
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

  #decode(frame: Buffer, isBinary: boolean): ReturnType<Decoder<In>["push"]> {
    try {
      if (!isBinary) throw new MalformedFrame(CLOSE_CODES.protocolError, "text frame, expected a binary one");
      return this.#decoder.push(frame);
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
