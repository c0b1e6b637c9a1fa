import {
  CLOSE_CODES,
  CLOSE_MS,
  type Clock,
  type Closed,
  type Connection,
  type Decoded,
  type Decoder,
  encode,
  LIMITS_AFTER_HELLO,
  MalformedFrame,
  type Vocabulary,
} from "@shoal/protocol";
import { brokenOff, type Line, type LineEnd } from "./line.ts";

/** Bytes that may wait in front of a peer that does not read. */
const BUFFERED_BYTES_MAX = 2 * LIMITS_AFTER_HELLO.bodyBytesMax;

type Speech = { readonly type: string };

/** Sees what an end says and hears; a simulation checks and traces with it. */
export interface ConnectionTap<Out, In> {
  readonly onSend?: (message: Out) => void;
  readonly onReceive?: (message: In) => void;
  readonly onBytes?: (bytes: number) => void;
}

export interface SimulatedConnectionOptions<Out extends Speech, In extends Speech> {
  readonly peer: string;
  readonly clock: Clock;
  readonly vocabulary: Vocabulary<Out>;
  readonly decoder: Decoder<In>;
  readonly tap: ConnectionTap<Out, In>;
  /** How much longer than it is a message with parameters, or their gradient, counts. */
  readonly vectorBytesExtra: number;
  /** The first message has come; it waits for `onMessage`. */
  readonly onFirstMessage?: () => void;
}

/**
 * One end of a connection over two simulated lines, with the frames, limits and closing manners of the
 * WebSocket connection: `close` is answered by the other side, or the socket is destroyed `CLOSE_MS` later.
 */
export class SimulatedConnection<Out extends Speech, In extends Speech>
  implements Connection<Out, In>, LineEnd
{
  readonly peer: string;
  receivedAtMs: number;
  readonly #options: SimulatedConnectionOptions<Out, In>;
  #line: Line | null = null;
  #state: "open" | "closing" | "closed" = "open";
  /** Why we close, when the reason is ours. */
  #reason: Closed | null = null;
  #closed: Closed | null = null;
  #cancelDestroy: () => void = () => {};
  #messageHandler: ((message: In, body: Float32Array | null) => void) | null = null;
  #closeHandler: ((closed: Closed) => void) | null = null;
  /** What came before a handler was there. */
  #early: Decoded<In>[] = [];
  #hasHeard = false;

  constructor(options: SimulatedConnectionOptions<Out, In>) {
    this.#options = options;
    this.peer = options.peer;
    this.receivedAtMs = options.clock.nowMs();
  }

  /** @param line where this end sends */
  join(line: Line): void {
    this.#line = line;
  }

  /** True once the other side has said something. */
  get hasHeard(): boolean {
    return this.#hasHeard;
  }

  get isClosed(): boolean {
    return this.#state === "closed";
  }

  get bufferedBytes(): number {
    return this.#line?.bufferedBytes ?? 0;
  }

  send(message: Out, body?: Float32Array): void {
    this.#options.tap.onSend?.(message);
    const hasVector = body !== undefined && body.length > statFloatsOf(message);
    const extra = hasVector ? this.#options.vectorBytesExtra : 0;
    this.#send(encode(this.#options.vocabulary, message, body ?? null), extra);
  }

  /** What is encoded once for all workers are the parameters. */
  sendFrames(frames: readonly Uint8Array[]): void {
    this.#send(frames, this.#options.vectorBytesExtra);
  }

  #send(frames: readonly Uint8Array[], bytesExtra: number): void {
    if (this.#state !== "open") return;
    const bytes = frames.reduce((sum, frame) => sum + frame.byteLength, 0) + bytesExtra;
    if (this.bufferedBytes + bytes > BUFFERED_BYTES_MAX) {
      this.close(CLOSE_CODES.policy, "reads too slowly");
      return;
    }
    this.#options.tap.onBytes?.(bytes);
    for (const [i, frame] of frames.entries()) this.#line?.send(frame, i === 0 ? bytesExtra : 0);
  }

  onMessage(handler: (message: In, body: Float32Array | null) => void): void {
    this.#messageHandler = handler;
    const early = this.#early;
    this.#early = [];
    for (const decoded of early) this.#hear(decoded);
  }

  onClose(handler: (closed: Closed) => void): void {
    this.#closeHandler = handler;
    const closed = this.#closed;
    if (closed !== null) queueMicrotask(() => handler(closed));
  }

  close(code: number, reason: string): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#reason = { code, reason };
    this.#line?.sendClose(this.#reason);
    this.#cancelDestroy = this.#options.clock.after(CLOSE_MS, () => this.#finish(brokenOff("no answer")));
  }

  receive(frame: Uint8Array): void {
    if (this.#state === "closed") return;
    this.receivedAtMs = this.#options.clock.nowMs();
    if (this.#state !== "open") return;
    try {
      const decoded = this.#options.decoder.push(frame);
      if (decoded === null) return;
      if (this.#messageHandler === null) this.#early.push(decoded);
      else this.#hear(decoded);
      if (this.#hasHeard) return;
      this.#hasHeard = true;
      this.#options.onFirstMessage?.();
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.close(error.closeCode, error.message);
    }
  }

  closeReceived(closed: Closed): void {
    // Whoever did not close first says it back.
    if (this.#state === "open") this.#line?.sendClose(closed);
    this.#finish(closed);
  }

  broken(reason: string): void {
    this.#finish(brokenOff(reason));
  }

  #hear({ message, body }: Decoded<In>): void {
    this.#options.tap.onReceive?.(message);
    this.#messageHandler?.(message, body);
  }

  #finish(closed: Closed): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#cancelDestroy();
    this.#closed = this.#reason ?? closed;
    // The socket is destroyed: the other side is told, if the network tells it anything.
    this.#line?.break("connection reset");
    this.#closeHandler?.(this.#closed);
  }
}

/** Floats of a result's statistics; a gradient follows them, or not. */
function statFloatsOf(message: object): number {
  if (!("taskCount" in message && "statCount" in message)) return 0;
  return Number(message.taskCount) * Number(message.statCount);
}
