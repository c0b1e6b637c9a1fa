import { WebSocket } from "ws";
import type { WorkerConnection } from "./connection.ts";
import { Decoder } from "./decoder.ts";
import { CONNECT_MS, LIMITS_AFTER_HELLO, PAYLOAD_BYTES_MAX } from "./limits.ts";
import { ProtocolError } from "./protocol-error.ts";
import { coordinatorVocabulary, workerVocabulary } from "./vocabulary.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";

export interface ConnectOptions {
  /** Sent as `Authorization: Bearer` with the upgrade request; null: none. */
  readonly token: string | null;
  /** Time for TCP, TLS and the upgrade, in ms, > 0. Default `CONNECT_MS`. */
  readonly timeoutMs?: number;
  /** Gives up the attempt. Does nothing once connected. */
  readonly signal?: AbortSignal;
}

/**
 * Connects a worker to the coordinator at `url` (`ws://HOST:PORT` or `wss://...`).
 *
 * @throws {ProtocolError} E_CONNECT when nobody answers in time (worth another try), E_TOKEN when the
 *   token is missing or wrong, E_REFUSED when the answer is any other than a WebSocket
 */
export function connectWebSocket(url: string, options: ConnectOptions): Promise<WorkerConnection> {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    const message = `url: expected ws://HOST:PORT or wss://HOST:PORT, got "${url}"`;
    return Promise.reject(new ProtocolError("E_REFUSED", message));
  }
  if (options.token !== null && !/^[\x21-\x7e]+$/.test(options.token)) {
    const message = "token: expected printable ASCII without blanks; check the token file";
    return Promise.reject(new ProtocolError("E_TOKEN", message));
  }
  const socket = new WebSocket(url, {
    headers: options.token === null ? {} : { authorization: `Bearer ${options.token}` },
    perMessageDeflate: false,
    maxPayload: PAYLOAD_BYTES_MAX,
    handshakeTimeout: options.timeoutMs ?? CONNECT_MS,
    followRedirects: false,
  });
  return new Promise((resolve, reject) => {
    const giveUp = () => socket.terminate();
    const fail = (error: ProtocolError) => {
      options.signal?.removeEventListener("abort", giveUp);
      reject(error);
      socket.terminate();
    };
    socket.once("open", () => {
      options.signal?.removeEventListener("abort", giveUp);
      socket.off("error", onError);
      const decoder = new Decoder(coordinatorVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);
      resolve(new WebSocketConnection(socket, new URL(url).host, workerVocabulary, decoder));
    });
    socket.once("unexpected-response", (request, response) => {
      request.destroy();
      fail(refusal(url, response.statusCode ?? 0));
    });
    const onError = (error: Error) => fail(unreachable(url, error));
    socket.on("error", onError);
    if (options.signal?.aborted) giveUp();
    else options.signal?.addEventListener("abort", giveUp, { once: true });
  });
}

function unreachable(url: string, error: Error): ProtocolError {
  const reason = error.message || ("code" in error ? String(error.code) : "no answer");
  return new ProtocolError("E_CONNECT", `no coordinator at ${url}: ${reason}`, { cause: error });
}

function refusal(url: string, status: number): ProtocolError {
  if (status === 401) {
    return new ProtocolError(
      "E_TOKEN",
      `the coordinator at ${url} wants another token; give the worker the token that the coordinator prints`,
    );
  }
  const message = `${url} answered HTTP ${status}, expected a coordinator's WebSocket; check host and port`;
  return new ProtocolError(status === 503 ? "E_CONNECT" : "E_REFUSED", message);
}
