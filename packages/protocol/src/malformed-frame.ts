/** WebSocket close codes that this protocol uses (RFC 6455, 7.4.1). */
export const CLOSE_CODES = {
  normal: 1000,
  goingAway: 1001,
  /** Bytes that are no frame of this protocol. */
  protocolError: 1002,
  /** Never on the wire: the connection broke without a close frame. */
  abnormal: 1006,
  /** A frame whose content is not a message. */
  invalidData: 1007,
  /** Silent, too slow, or not wanted. */
  policy: 1008,
  tooBig: 1009,
} as const;

/** Bytes from the other side that cannot be read; the connection closes with this code and message. */
export class MalformedFrame extends Error {
  readonly closeCode: number;

  constructor(closeCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MalformedFrame";
    this.closeCode = closeCode;
  }
}
