import type { Closed, Connection, CoordinatorConnection, WorkerConnection } from "./connection.ts";
import { type Decoded, Decoder } from "./decoder.ts";
import { encode, framesBytes } from "./encode.ts";
import { LIMITS_AFTER_HELLO, LIMITS_BEFORE_HELLO } from "./limits.ts";
import { MalformedFrame } from "./malformed-frame.ts";
import { coordinatorVocabulary, type Vocabulary, workerVocabulary } from "./vocabulary.ts";

type Speech = { readonly type: string };

export interface MemoryTransportOptions {
  /**
   * Runs `deliver` later. Each direction's deliveries must run in the order they were given.
   * Default: `setImmediate`. A simulation passes its own, and so decides delays.
   */
  readonly schedule?: (deliver: () => void) => void;
  /** Clock of `receivedAtMs`. Default: `performance.now`. */
  readonly nowMs?: () => number;
}

/**
 * A connection inside one process: the same frames, checks and close codes as a WebSocket, no network.
 *
 * @returns the coordinator's end and the worker's end
 */
export function createMemoryTransport(
  options: MemoryTransportOptions = {},
): [CoordinatorConnection, WorkerConnection] {
  const schedule = options.schedule ?? setImmediate;
  const nowMs = options.nowMs ?? (() => performance.now());
  const coordinator = new MemoryConnection(
    "memory:worker",
    schedule,
    nowMs,
    coordinatorVocabulary,
    new Decoder(workerVocabulary, LIMITS_BEFORE_HELLO, LIMITS_AFTER_HELLO),
  );
  const worker = new MemoryConnection(
    "memory:coordinator",
    schedule,
    nowMs,
    workerVocabulary,
    new Decoder(coordinatorVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO),
  );
  coordinator.join(worker);
  worker.join(coordinator);
  return [coordinator, worker];
}

class MemoryConnection<Out extends Speech, In extends Speech> implements Connection<Out, In> {
  readonly peer: string;
  bufferedBytes = 0;
  receivedAtMs: number;
  readonly #schedule: (deliver: () => void) => void;
  readonly #nowMs: () => number;
  readonly #vocabulary: Vocabulary<Out>;
  readonly #decoder: Decoder<In>;
  #other: MemoryConnection<In, Out> | null = null;
  #messageHandler: ((message: In, body: Float32Array | null) => void) | null = null;
  #closeHandler: ((closed: Closed) => void) | null = null;
  #early: Decoded<In>[] = [];
  #closing = false;
  #closed: Closed | null = null;

  constructor(
    peer: string,
    schedule: (deliver: () => void) => void,
    nowMs: () => number,
    vocabulary: Vocabulary<Out>,
    decoder: Decoder<In>,
  ) {
    this.peer = peer;
    this.receivedAtMs = nowMs();
    this.#schedule = schedule;
    this.#nowMs = nowMs;
    this.#vocabulary = vocabulary;
    this.#decoder = decoder;
  }

  join(other: MemoryConnection<In, Out>): void {
    this.#other = other;
  }

  send(message: Out, body?: Float32Array): void {
    this.sendFrames(encode(this.#vocabulary, message, body ?? null));
  }

  sendFrames(frames: readonly Buffer[]): void {
    if (this.#closing || this.#closed !== null) return;
    const bytes = framesBytes(frames);
    this.bufferedBytes += bytes;
    this.#schedule(() => {
      this.bufferedBytes -= bytes;
      for (const frame of frames) this.#other?.receive(frame);
    });
  }

  /** Takes a frame as if it came from the network. */
  receive(frame: Uint8Array): void {
    if (this.#closing || this.#closed !== null) return;
    this.receivedAtMs = this.#nowMs();
    let decoded: Decoded<In> | null;
    try {
      decoded = this.#decoder.push(frame);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.close(error.closeCode, error.message);
      return;
    }
    if (decoded === null) return;
    if (this.#messageHandler === null) this.#early.push(decoded);
    else this.#messageHandler(decoded.message, decoded.body);
  }

  onMessage(handler: (message: In, body: Float32Array | null) => void): void {
    this.#messageHandler = handler;
    const early = this.#early;
    this.#early = [];
    for (const { message, body } of early) this.#schedule(() => handler(message, body));
  }

  onClose(handler: (closed: Closed) => void): void {
    this.#closeHandler = handler;
    const closed = this.#closed;
    if (closed !== null) this.#schedule(() => handler(closed));
  }

  close(code: number, reason: string): void {
    if (this.#closing || this.#closed !== null) return;
    this.#closing = true;
    this.#schedule(() => {
      this.#other?.end({ code, reason });
      this.end({ code, reason });
    });
  }

  /** The line is gone: nothing more comes or goes. */
  end(closed: Closed): void {
    if (this.#closed !== null) return;
    this.#closed = closed;
    this.#closeHandler?.(closed);
  }
}
