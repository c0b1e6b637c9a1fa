import type { IncomingMessage, Server, ServerOptions } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import type { Authorize } from "./authorize.ts";
import type { CoordinatorConnection } from "./connection.ts";
import { Decoder } from "./decoder.ts";
import {
  CONNECTION_COUNT_MAX,
  HELLO_MS,
  LIMITS_AFTER_HELLO,
  LIMITS_BEFORE_HELLO,
  PAYLOAD_BYTES_MAX,
  UPGRADE_MS,
} from "./limits.ts";
import { CLOSE_CODES } from "./malformed-frame.ts";
import { coordinatorVocabulary, workerVocabulary } from "./vocabulary.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";

/** Options for `http.createServer` that close a client which does not finish its request in time. */
export function httpServerOptions(upgradeMs: number = UPGRADE_MS): ServerOptions {
  return {
    headersTimeout: upgradeMs,
    requestTimeout: upgradeMs,
    connectionsCheckingInterval: Math.min(1_000, upgradeMs),
    maxHeaderSize: 16 * 1024,
  };
}

/** An upgrade request that was answered with an HTTP error. */
export interface RefusedUpgrade {
  readonly peer: string;
  readonly status: 401 | 403 | 404 | 503;
  readonly reason: string;
}

export interface AcceptOptions {
  /** Asked for the scope `worker`, by the upgrade request. */
  readonly authorize: Authorize;
  /** Time from the upgrade to the first whole message, in ms, > 0. Default `HELLO_MS`. */
  readonly helloMs?: number;
  readonly onConnection: (connection: CoordinatorConnection) => void;
  readonly onRefused?: (refused: RefusedUpgrade) => void;
}

export interface Acceptor {
  /** Takes no more upgrades and destroys what is still open. The HTTP server stays with its owner. */
  close(): void;
}

/**
 * Lets workers in through the upgrade requests of `server`, at the path `/`.
 *
 * Host, Origin, token and path are checked on the HTTP request, before any WebSocket state exists.
 */
export function acceptWebSockets(server: Server, options: AcceptOptions): Acceptor {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: PAYLOAD_BYTES_MAX,
  });
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const peer = `${request.socket.remoteAddress}:${request.socket.remotePort}`;
    const refused = reasonToRefuse(request, options, sockets.clients.size);
    if (refused !== null) {
      answer(socket, refused.status, refused.reason);
      options.onRefused?.({ peer, ...refused });
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const decoder = new Decoder(workerVocabulary, LIMITS_BEFORE_HELLO, LIMITS_AFTER_HELLO);
      const connection = new WebSocketConnection(webSocket, peer, coordinatorVocabulary, decoder);
      const helloMs = options.helloMs ?? HELLO_MS;
      const late = setTimeout(
        () => connection.close(CLOSE_CODES.policy, `no hello within ${helloMs} ms`),
        helloMs,
      );
      webSocket.once("message", () => clearTimeout(late));
      webSocket.once("close", () => clearTimeout(late));
      options.onConnection(connection);
    });
  };
  server.on("upgrade", onUpgrade);
  return {
    close() {
      server.off("upgrade", onUpgrade);
      for (const webSocket of sockets.clients) webSocket.terminate();
    },
  };
}

function reasonToRefuse(
  request: IncomingMessage,
  options: AcceptOptions,
  connectionCount: number,
): Omit<RefusedUpgrade, "peer"> | null {
  const refusal = options.authorize(request, "worker");
  if (refusal !== null) return refusal;
  if (request.url !== "/") return { status: 404, reason: "workers connect to the path /" };
  if (connectionCount >= CONNECTION_COUNT_MAX) {
    return { status: 503, reason: `${CONNECTION_COUNT_MAX} workers are connected already` };
  }
  return null;
}

const STATUS_TEXT = { 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable" };

function answer(socket: Duplex, status: RefusedUpgrade["status"], reason: string): void {
  const body = `${reason}\n`;
  const head = [
    `HTTP/1.1 ${status} ${STATUS_TEXT[status]}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(status === 401 ? ["WWW-Authenticate: Bearer"] : []),
  ];
  // Destroyed once written: a client that never closes its half would hold the socket for ever.
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}
