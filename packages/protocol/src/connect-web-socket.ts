import { WebSocket } from "ws";
import { connectTls } from "./connect-tls.ts";
import type { WorkerConnection } from "./connection.ts";
import { Decoder } from "./decoder.ts";
import { CONNECT_MS, FRAGMENTS_MAX, LIMITS_AFTER_HELLO, PAYLOAD_BYTES_MAX, PIECES_MAX } from "./limits.ts";
import { ProtocolError } from "./protocol-error.ts";
import { coordinatorVocabulary, workerVocabulary } from "./vocabulary.ts";
import { WebSocketConnection } from "./web-socket-connection.ts";

export interface ConnectOptions {
  /** Sent as `Authorization: Bearer` with the upgrade request; null: none. */
  readonly token: string | null;
  /**
   * SHA-256 (64 lower-case hex digits) of the certificate that a `wss:` server must have. Default: null, any
   * certificate that this machine's authorities vouch for.
   */
  readonly fingerprint?: string | null;
  /** Time for TCP and TLS, and then for the upgrade, in ms, > 0. Default `CONNECT_MS`. */
  readonly timeoutMs?: number;
  /** Gives up the attempt. Does nothing once connected. */
  readonly signal?: AbortSignal;
}

/**
 * Connects a worker to the coordinator at `url` (`ws://HOST:PORT` or `wss://...`). With `wss:` the
 * certificate is verified before the request, and so the token, goes out.
 *
 * @throws {ProtocolError} E_CONNECT when nobody answers in time (worth another try), E_CERTIFICATE when the
 *   server's certificate is wrong, E_TOKEN when the token is missing or wrong, E_REFUSED when the answer is
 *   any other than a WebSocket
 */
export async function connectWebSocket(url: string, options: ConnectOptions): Promise<WorkerConnection> {
  if (!URL.canParse(url) || !/^wss?:$/.test(new URL(url).protocol)) {
    throw new ProtocolError("E_REFUSED", `url: expected ws://HOST:PORT or wss://HOST:PORT, got "${url}"`);
  }
  const { token, fingerprint = null, timeoutMs = CONNECT_MS, signal } = options;
  const parsed = new URL(url);
  if (token !== null && !/^[\x21-\x7e]+$/.test(token)) {
    const message = "token: expected printable ASCII without blanks; check the token file";
    throw new ProtocolError("E_TOKEN", message);
  }
  if (fingerprint !== null && parsed.protocol !== "wss:") {
    const message = `url: expected wss://HOST:PORT for a certificate's fingerprint, got "${url}"`;
    throw new ProtocolError("E_CERTIFICATE", message);
  }
  const secured =
    parsed.protocol === "wss:"
      ? await connectTls(parsed, { fingerprint, timeoutMs, ...(signal === undefined ? {} : { signal }) })
      : null;
  const socket = new WebSocket(url, {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    maxPayload: PAYLOAD_BYTES_MAX,
    maxFragments: FRAGMENTS_MAX,
    maxBufferedChunks: PIECES_MAX,
    autoPong: false,
    generateMask: leaveUnmasked,
    handshakeTimeout: timeoutMs,
    followRedirects: false,
    ...(secured === null ? {} : { createConnection: () => secured }),
  });
  return await new Promise((resolve, reject) => {
    const giveUp = () => socket.terminate();
    const fail = (error: ProtocolError) => {
      signal?.removeEventListener("abort", giveUp);
      reject(error);
      socket.terminate();
    };
    socket.once("open", () => {
      signal?.removeEventListener("abort", giveUp);
      socket.off("error", onError);
      const decoder = new Decoder(coordinatorVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);
      const { host } = parsed;
      resolve(new WebSocketConnection(socket, host, workerVocabulary, decoder, LIMITS_AFTER_HELLO));
    });
    socket.once("unexpected-response", (request, response) => {
      request.destroy();
      fail(refusal(url, response.statusCode ?? 0));
    });
    const onError = (error: Error) => fail(unreachable(url, error));
    socket.on("error", onError);
    if (signal?.aborted) giveUp();
    else signal?.addEventListener("abort", giveUp, { once: true });
  });
}

/**
 * A key of zeros, with which ws neither copies a gradient nor goes over its bytes on either side. Keys are there
 * so that a hostile page cannot have a browser write requests of its choice to a proxy between (RFC 6455, 10.3):
 * a worker runs nobody's page, and sends numbers that it has computed itself.
 */
function leaveUnmasked(mask: Buffer): void {
  mask.fill(0);
}

function unreachable(url: string, error: Error): ProtocolError {
  const said = error.message || ("code" in error ? String(error.code) : "no answer");
  // What a server with TLS makes of a request without it.
  const isHungUp = url.startsWith("ws:") && said === "socket hang up";
  const reason = isHungUp ? `${said} (a coordinator with a certificate is at wss://, not ws://)` : said;
  return new ProtocolError("E_CONNECT", `no coordinator at ${url}: ${reason}`, { cause: error });
}

function refusal(url: string, status: number): ProtocolError {
  if (status === 401) {
    return new ProtocolError(
      "E_TOKEN",
      `the coordinator at ${url} wants another token; give the worker the file that the coordinator has (--token-file)`,
    );
  }
  const message = `${url} answered HTTP ${status}, expected a coordinator's WebSocket; check host and port`;
  return new ProtocolError(status === 503 ? "E_CONNECT" : "E_REFUSED", message);
}
