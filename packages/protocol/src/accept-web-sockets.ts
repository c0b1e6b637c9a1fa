import type { Server as HttpServer, IncomingMessage, ServerOptions } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { Authorize } from "./authorize.ts";
import type { CoordinatorConnection } from "./connection.ts";
import { Decoder } from "./decoder.ts";
import { type ConnectionLimits, limitConnections, peerOf } from "./limit-connections.ts";
import { LimitedReports } from "./limited-reports.ts";
import {
  FRAGMENTS_MAX,
  HELLO_BYTES_MAX,
  HELLO_MS,
  LIMITS_AFTER_HELLO,
  LIMITS_BEFORE_HELLO,
  type MessageLimits,
  PAYLOAD_BYTES_MAX,
  PIECES_MAX,
  REQUESTS_PER_SOCKET_MAX,
  UPGRADE_MS,
} from "./limits.ts";
import { CLOSE_CODES } from "./malformed-frame.ts";
import { coordinatorVocabulary, workerVocabulary } from "./vocabulary.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";

type AnyServer = HttpServer | HttpsServer;

/**
 * Options for `http.createServer` and `https.createServer` that close a client which does not finish its
 * handshake or its request in time, or sends endless headers.
 */
export function httpServerOptions(
  upgradeMs: number = UPGRADE_MS,
): ServerOptions & { readonly handshakeTimeout: number } {
  return {
    handshakeTimeout: upgradeMs,
    headersTimeout: upgradeMs,
    requestTimeout: upgradeMs,
    connectionsCheckingInterval: Math.min(1_000, upgradeMs),
    maxHeaderSize: 16 * 1024,
  };
}

/** A connection that was turned away before it said hello. */
export interface RefusedConnection {
  readonly peer: string;
  readonly reason: string;
  /** Others that were turned away since the last report and are not reported one by one. */
  readonly unreported: number;
}

export interface AcceptOptions {
  /** Asked for the scope `worker`, by the upgrade request. */
  readonly authorize: Authorize;
  /** What messages after hello may hold. Default `LIMITS_AFTER_HELLO`. */
  readonly limits?: MessageLimits;
  /** How many sockets may be open. Default: the limits of `limits.ts`. */
  readonly connectionLimits?: ConnectionLimits;
  /** Time from the upgrade to the whole hello, in ms, > 0. Default `HELLO_MS`. */
  readonly helloMs?: number;
  /** Called once a worker has said a valid hello, which is the first message that the connection gives. */
  readonly onConnection: (connection: CoordinatorConnection) => void;
  readonly onRefused?: (refused: RefusedConnection) => void;
}

export interface Acceptor {
  /** Takes no more upgrades and destroys every socket that is open. The HTTP server stays with its owner. */
  close(): void;
}

/**
 * Lets workers in through the upgrade requests of `server`, at the path `/`.
 *
 * Host, Origin, token and path are checked on the HTTP request, before any WebSocket state exists. A
 * connection then stays on this side of the door until it has said a valid hello, in time and in few bytes.
 */
export function acceptWebSockets(server: AnyServer, options: AcceptOptions): Acceptor {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: PAYLOAD_BYTES_MAX,
    maxFragments: FRAGMENTS_MAX,
    maxBufferedChunks: PIECES_MAX,
    autoPong: false,
  });
  const reports = new LimitedReports<Omit<RefusedConnection, "unreported">>((refused) =>
    options.onRefused?.(refused),
  );
  server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX;
  const limiter = limitConnections(
    server,
    (peer, reason) => reports.add({ peer, reason }),
    options.connectionLimits,
  );
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    const peer = peerOf(request.socket);
    const refused = reasonToRefuse(request, options);
    if (refused !== null) {
      answer(socket, refused.status, refused.reason);
      reports.add({ peer, reason: refused.reason });
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      awaitHello(webSocket, request, options, {
        onHello: (connection) => {
          limiter.introduce(request.socket);
          options.onConnection(connection);
        },
        onLost: (reason) => reports.add({ peer, reason }),
      });
    });
  };
  server.on("upgrade", onUpgrade);
  return {
    close() {
      server.off("upgrade", onUpgrade);
      for (const webSocket of sockets.clients) webSocket.terminate();
      limiter.close();
    },
  };
}

/** Keeps a connection until its first message, which must be a hello. */
function awaitHello(
  webSocket: WebSocket,
  request: IncomingMessage,
  options: AcceptOptions,
  handlers: { onHello(connection: CoordinatorConnection): void; onLost(reason: string): void },
): void {
  const { limits = LIMITS_AFTER_HELLO, helloMs = HELLO_MS } = options;
  const decoder = new Decoder(workerVocabulary, LIMITS_BEFORE_HELLO, limits);
  const peer = peerOf(request.socket);
  const connection = new WebSocketConnection(webSocket, peer, coordinatorVocabulary, decoder, limits);
  const late = setTimeout(
    () => connection.close(CLOSE_CODES.policy, `no hello within ${helloMs} ms`),
    helloMs,
  );
  let bytes = 0;
  const countBytes = (chunk: Buffer): void => {
    bytes += chunk.byteLength;
    if (bytes <= HELLO_BYTES_MAX) return;
    stop();
    connection.close(CLOSE_CODES.tooBig, `more than ${HELLO_BYTES_MAX} bytes and no hello`);
  };
  const stop = (): void => {
    clearTimeout(late);
    request.socket.off("data", countBytes);
  };
  request.socket.on("data", countBytes);
  connection.onClose(({ code, reason }) => {
    stop();
    handlers.onLost(reason === "" ? `connection closed (${code}) before hello` : `${reason} (${code})`);
  });
  connection.onMessage((message, body) => {
    stop();
    if (message.type !== "hello") {
      connection.close(CLOSE_CODES.protocolError, `${message.type} before hello`);
      return;
    }
    connection.putBack({ message, body });
    handlers.onHello(connection);
  });
}

type RefusalStatus = 401 | 403 | 404;

function reasonToRefuse(
  request: IncomingMessage,
  options: AcceptOptions,
): { readonly status: RefusalStatus; readonly reason: string } | null {
  const refusal = options.authorize(request, "worker");
  if (refusal !== null) return refusal;
  return request.url === "/" ? null : { status: 404, reason: "workers connect to the path /" };
}

const STATUS_TEXT = { 401: "Unauthorized", 403: "Forbidden", 404: "Not Found" };

function answer(socket: Duplex, status: RefusalStatus, reason: string): void {
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
