import type { Server, Socket } from "node:net";
import {
  CONNECTION_COUNT_MAX,
  CONNECTIONS_PER_ADDRESS_MAX,
  STRANGER_COUNT_MAX,
  STRANGERS_PER_ADDRESS_MAX,
} from "./limits.ts";

export interface ConnectionLimits {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Sockets that have not been introduced. */
  readonly strangers: number;
  readonly strangersPerAddress: number;
}

const defaults: ConnectionLimits = {
  connections: CONNECTION_COUNT_MAX,
  connectionsPerAddress: CONNECTIONS_PER_ADDRESS_MAX,
  strangers: STRANGER_COUNT_MAX,
  strangersPerAddress: STRANGERS_PER_ADDRESS_MAX,
};

/** Sockets by whether they are introduced: how many of all, and of one address. */
interface Count {
  connections: number;
  strangers: number;
}

/** A socket as seen from both of its layers, TCP and TLS. */
type Ends = Pick<Socket, "remoteAddress" | "remotePort">;

export interface ConnectionLimiter {
  /** This socket has said hello: it is no stranger any more. */
  introduce(socket: Ends): void;
  /** Destroys every socket that is open. */
  close(): void;
}

/**
 * Counts the sockets of a server from their first packet, before TLS and before HTTP, and closes those
 * above a limit at once: what a stranger can hold is a small, known amount.
 *
 * @param onRefused told the address and port, and why
 */
export function limitConnections(
  server: Server,
  onRefused: (peer: string, reason: string) => void,
  limits: ConnectionLimits = defaults,
): ConnectionLimiter {
  const all: Count = { connections: 0, strangers: 0 };
  const byAddress = new Map<string, Count>();
  const strangers = new Map<string, () => void>();
  const sockets = new Set<Socket>();

  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "unknown";
    const own = byAddress.get(address) ?? { connections: 0, strangers: 0 };
    const reason = reasonToRefuse(all, own, limits);
    if (reason !== null) {
      onRefused(peerOf(socket), reason);
      socket.destroy();
      return;
    }
    byAddress.set(address, own);
    const key = peerOf(socket);
    const counts = [all, own];
    for (const count of counts) {
      count.connections++;
      count.strangers++;
    }
    sockets.add(socket);
    strangers.set(key, () => {
      for (const count of counts) count.strangers--;
      strangers.delete(key);
    });
    socket.once("close", () => {
      strangers.get(key)?.();
      for (const count of counts) count.connections--;
      if (own.connections === 0) byAddress.delete(address);
      sockets.delete(socket);
    });
  });
  return {
    introduce: (socket) => strangers.get(peerOf(socket))?.(),
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** `127.0.0.1:53122`: one open socket of the server has these ends. */
export function peerOf({ remoteAddress, remotePort }: Ends): string {
  return `${remoteAddress}:${remotePort}`;
}

function reasonToRefuse(all: Count, own: Count, limits: ConnectionLimits): string | null {
  const { connections, connectionsPerAddress, strangers, strangersPerAddress } = limits;
  if (all.connections >= connections) return `${connections} connections are open already`;
  if (own.connections >= connectionsPerAddress) {
    return `${connectionsPerAddress} connections of this address are open already`;
  }
  if (all.strangers >= strangers) return `${strangers} connections have not said hello yet`;
  if (own.strangers >= strangersPerAddress) {
    return `${strangersPerAddress} connections of this address have not said hello yet`;
  }
  return null;
}
