import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { fingerprintOf } from "./fingerprint.ts";
import { ProtocolError } from "./protocol-error.ts";

export interface ConnectTlsOptions {
  /** SHA-256 of the certificate, 64 lower-case hex digits; null: what this machine's authorities vouch for. */
  readonly fingerprint: string | null;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Opens a TLS connection to the host of a `wss:` URL and looks at its certificate. Nothing, and so no token,
 * is written to the connection before the certificate is found good.
 *
 * A pinned certificate is good by its fingerprint alone: the handshake has proven that the server holds its
 * key. Without a pin its chain, its host name and its dates must be good.
 *
 * @throws {ProtocolError} E_CONNECT when nobody answers in time, E_CERTIFICATE when the certificate is wrong
 */
export function connectTls(url: URL, options: ConnectTlsOptions): Promise<TLSSocket> {
  const { fingerprint, timeoutMs, signal } = options;
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 443 : Number(url.port);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ALPNProtocols: ["http/1.1"],
      // Judged below, so that the error can name the certificate that came.
      rejectUnauthorized: false,
    });
    const fail = (error: ProtocolError): void => {
      stop();
      // What the destroyed socket still says changes nothing.
      socket.on("error", () => {});
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(unreachable(url, "no TLS handshake in time")), timeoutMs);
    const onAbort = (): void => fail(unreachable(url, "given up"));
    const onError = (error: NodeJS.ErrnoException): void => fail(unreachable(url, describe(error)));
    const onClose = (): void => fail(unreachable(url, "closed in the TLS handshake"));
    const stop = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      socket.off("error", onError).off("close", onClose);
    };
    socket.once("error", onError);
    socket.once("close", onClose);
    socket.once("secureConnect", () => {
      const wrong = findWrong(url, socket, fingerprint);
      if (wrong !== null) return fail(wrong);
      stop();
      resolve(socket);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** What is wrong with the server's certificate, or null. */
function findWrong(url: URL, socket: TLSSocket, expected: string | null): ProtocolError | null {
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  if (certificate === undefined)
    return new ProtocolError("E_CERTIFICATE", `${url.origin}: no certificate came`);
  const came = fingerprintOf(certificate);
  if (expected !== null) {
    if (came === expected) return null;
    return new ProtocolError(
      "E_CERTIFICATE",
      `the certificate of ${url.origin}: expected fingerprint ${expected}, got ${came}; ` +
        "this is another server, or the coordinator has a new certificate (it prints its fingerprint); no token was sent",
    );
  }
  if (socket.authorized) return null;
  return new ProtocolError(
    "E_CERTIFICATE",
    `the certificate of ${url.origin}: expected one that this machine's authorities vouch for, ` +
      `got one that fails (${String(socket.authorizationError)}) with fingerprint ${came}; ` +
      "if the coordinator printed this fingerprint, give it with --fingerprint; no token was sent",
  );
}

function unreachable(url: URL, reason: string): ProtocolError {
  return new ProtocolError("E_CONNECT", `no coordinator at ${url.origin}: ${reason}`);
}

function describe(error: NodeJS.ErrnoException): string {
  // OpenSSL's words for an answer that is no TLS.
  if (error.code === "EPROTO" || error.code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return "it answered without TLS; a coordinator without a certificate is at ws://, not wss://";
  }
  return error.message === "" ? (error.code ?? "no answer") : error.message;
}
