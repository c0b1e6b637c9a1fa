/** Every limit of the wire, with its number and its reason. */

/**
 * Float bytes in one WebSocket message, 1 MiB. A bigger body travels in several: neither side ever
 * holds one huge frame, and the bytes of a long message count as signs of life while it comes in.
 */
export const CHUNK_BYTES = 1 << 20;

/** Bytes in front of every chunk: kind, lengths, position. A multiple of 8, so that floats stay aligned. */
export const PREFIX_BYTES = 16;

/** Largest header. The experiment in `welcome` and 4,096 lease ids in `heartbeat` fit easily. */
export const HEADER_BYTES_MAX = 256 * 1024;

/** What `ws` lets in as one WebSocket message; it closes with 1009 above it. */
export const PAYLOAD_BYTES_MAX = PREFIX_BYTES + HEADER_BYTES_MAX + CHUNK_BYTES;

/** Nesting of arrays and maps in a header; an experiment needs 4 levels. */
export const HEADER_DEPTH_MAX = 32;

/** What one message may hold. */
export interface MessageLimits {
  readonly headerBytesMax: number;
  readonly bodyBytesMax: number;
}

/** Before hello, a peer is unknown: one small header and no floats. */
export const LIMITS_BEFORE_HELLO: MessageLimits = { headerBytesMax: 16 * 1024, bodyBytesMax: 0 };

/** After hello. 256 MiB are 67 million floats; a ResNet-12 has 12 million. */
export const LIMITS_AFTER_HELLO: MessageLimits = {
  headerBytesMax: HEADER_BYTES_MAX,
  bodyBytesMax: 256 * 1024 * 1024,
};

/** What one connection after hello may hold, where every body is a vector of this many floats at most. */
export function limitsForFloats(floatsMax: number): MessageLimits {
  return {
    headerBytesMax: HEADER_BYTES_MAX,
    bodyBytesMax: Math.min(4 * floatsMax, LIMITS_AFTER_HELLO.bodyBytesMax),
  };
}

/**
 * Bytes that may wait in front of a peer that does not read; above it, the peer is dropped (1008). Twice the
 * largest body, because new parameters may come while the ones before are on their way.
 */
export function bufferedBytesMax({ bodyBytesMax }: MessageLimits): number {
  return 2 * (bodyBytesMax + CHUNK_BYTES);
}

/** Answers to pings wait behind at most this many bytes; above it, a ping goes unanswered. */
export const PONG_BUFFERED_BYTES_MAX = 64 * 1024;

/** WebSocket fragments of one message; our own side never fragments. */
export const FRAGMENTS_MAX = 16;

/** Pieces in which the network may deliver one WebSocket message: 1 MiB in segments of 536 bytes are 2,000. */
export const PIECES_MAX = 8192;

/** Bytes that a connection may send between its upgrade and the end of its hello, 32 KiB. */
export const HELLO_BYTES_MAX = 2 * LIMITS_BEFORE_HELLO.headerBytesMax;

/** Sockets that a coordinator holds at once; above it, a new one is closed. */
export const CONNECTION_COUNT_MAX = 4096;

/** Sockets of one address; a NAT or a proxy may hide many workers behind one. */
export const CONNECTIONS_PER_ADDRESS_MAX = 1024;

/** Sockets that have not said hello yet: in TLS, in the upgrade, after it, or asking an HTTP endpoint. */
export const STRANGER_COUNT_MAX = 1024;

/** The same, of one address: 512 workers of one machine may arrive at once. */
export const STRANGERS_PER_ADDRESS_MAX = 512;

/** HTTP requests on one socket before it has to be opened again. */
export const REQUESTS_PER_SOCKET_MAX = 1000;

/** Refused or lost strangers that are reported one by one, per `REPORT_MS`; the others are counted. */
export const REPORTS_MAX = 5;
export const REPORT_MS = 10_000;

/** Time for the TLS handshake, and then for the headers of a request, in ms. */
export const UPGRADE_MS = 10_000;

/** Time from the upgrade to the first whole message, in ms. */
export const HELLO_MS = 10_000;

/** Time for TCP, TLS and the upgrade, seen from the worker, in ms. */
export const CONNECT_MS = 10_000;

/** Time for the other side to answer a close frame before the socket is destroyed, in ms. */
export const CLOSE_MS = 3_000;

/** A close frame's payload is at most 125 bytes, 2 of which are the code (RFC 6455, 5.5). */
export const CLOSE_REASON_BYTES_MAX = 123;
