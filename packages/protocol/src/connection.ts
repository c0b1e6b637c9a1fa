import type { CoordinatorMessage, WorkerMessage } from "./messages.ts";

/** Why a connection ended. `code` is a WebSocket close code. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

/**
 * One ordered, reliable, typed line between a worker and the coordinator: the coordinator holds a
 * `Connection<CoordinatorMessage, WorkerMessage>`, the worker the reverse.
 *
 * Handlers are called one message at a time, in order of arrival, already checked against the schema.
 * Nothing is lost before they are set: messages wait for `onMessage`.
 */
export interface Connection<Out, In> {
  /** The other side, for logs: `127.0.0.1:53122`. */
  readonly peer: string;
  /** Bytes handed to `send` that the network has not taken yet. */
  readonly bufferedBytes: number;
  /** When the last bytes came, in ms of the process's `Clock`; a chunk of a long message counts. */
  readonly receivedAtMs: number;
  /**
   * `body` is copied or written before the call returns: the caller may reuse it. After the close,
   * a message is dropped; `onClose` says so.
   */
  send(message: Out, body?: Float32Array): void;
  /** Sends what `encode` made, without a copy: one encoding serves all peers. */
  sendFrames(frames: readonly Buffer[]): void;
  /** `body` is aligned and owned by the handler. */
  onMessage(handler: (message: In, body: Float32Array | null) => void): void;
  /** Called once. A malformed frame closes the connection with code 1002, 1007 or 1009 and a reason. */
  onClose(handler: (closed: Closed) => void): void;
  close(code: number, reason: string): void;
}

export type CoordinatorConnection = Connection<CoordinatorMessage, WorkerMessage>;
export type WorkerConnection = Connection<WorkerMessage, CoordinatorMessage>;
