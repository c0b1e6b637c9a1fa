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
 */
export interface Connection<Out, In> {
  /** The other side, for logs: `127.0.0.1:53122`. */
  readonly peer: string;
  /** Bytes handed to `send` that the network has not taken yet. */
  readonly bufferedBytes: number;
  /** `body` is copied or written before the call returns: the caller may reuse it. */
  send(message: Out, body?: Float32Array): void;
  /** `body` is aligned and owned by the handler. */
  onMessage(handler: (message: In, body: Float32Array | null) => void): void;
  /** Called once. A malformed frame closes the connection with code 1002 or 1007 and a reason. */
  onClose(handler: (closed: Closed) => void): void;
  close(code: number, reason: string): void;
}

export type CoordinatorConnection = Connection<CoordinatorMessage, WorkerMessage>;
export type WorkerConnection = Connection<WorkerMessage, CoordinatorMessage>;
