import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { ShoalError } from "@shoal/core/outer";
import { httpServerOptions } from "@shoal/protocol";

/** Where to listen, and with which certificate. */
export interface ListenOptions {
  /** Address to listen on; `127.0.0.1` lets in this machine alone. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Certificate chain and private key, as PEM. Default: no TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** The server that workers reach, with its limits; it does not listen yet. */
export function createServer({ tls }: ListenOptions): Server {
  if (tls === undefined) return createHttpServer(httpServerOptions());
  const { certificate: cert, key } = tls;
  // From 1.3 on a client cannot make the server renegotiate, and every key is forward secret.
  return createHttpsServer({ ...httpServerOptions(), cert, key, minVersion: "TLSv1.3" });
}

/**
 * Begins to listen.
 *
 * @returns `ws://HOST:PORT` for workers, or `wss:`
 * @throws {ShoalError} E_PORT if the port is taken or cannot be used
 */
export async function listenOn(server: Server, { host, port, tls }: ListenOptions): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      const message = taken
        ? `port ${port} on ${host} is in use; name another one, or 0 for any free one`
        : `cannot listen on ${host}:${port}: ${error.message}`;
      reject(new ShoalError("E_PORT", message, { cause: error }));
    });
    server.listen(port, host, resolve);
  });
  const name = host.includes(":") ? `[${host}]` : host;
  return `${tls === undefined ? "ws" : "wss"}://${name}:${(server.address() as AddressInfo).port}`;
}
