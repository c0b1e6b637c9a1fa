import type { Server } from "node:net";

/** Bytes on the wire in one direction each. */
export interface TrafficCounts {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** Counts the bytes of all connections of a server, those of closed ones included. */
export function countTraffic(server: Server): () => TrafficCounts {
  let receivedClosed = 0;
  let sentClosed = 0;
  const open = new Set<{ readonly bytesRead: number; readonly bytesWritten: number }>();
  server.on("connection", (socket) => {
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      receivedClosed += socket.bytesRead;
      sentClosed += socket.bytesWritten;
    });
  });
  return () => {
    let receivedBytes = receivedClosed;
    let sentBytes = sentClosed;
    for (const { bytesRead, bytesWritten } of open) {
      receivedBytes += bytesRead;
      sentBytes += bytesWritten;
    }
    return { receivedBytes, sentBytes };
  };
}
