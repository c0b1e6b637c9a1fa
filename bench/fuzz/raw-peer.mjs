// A WebSocket client that can break every rule: it writes what it is told, byte for byte.

import { once } from "node:events";
import { connect } from "node:net";

/** Longest wait for the server to answer or to close, in ms. */
const PATIENCE_MS = 20_000;

export class RawPeer {
  /** @type {import("node:net").Socket} */
  #socket;
  /** @type {Buffer} */
  #input = Buffer.alloc(0);
  #isUpgraded = false;
  /** Called with the payload of every binary frame of the server. @type {(payload: Buffer) => void} */
  onFrame = () => {};
  /** Resolves when the socket is gone, for whatever reason. @type {Promise<void>} */
  closed;

  /** @param {{ port: number, localAddress?: string }} where */
  constructor({ port, localAddress }) {
    this.#socket = connect({ host: "127.0.0.1", port, ...(localAddress ? { localAddress } : {}) });
    this.#socket.setNoDelay(true);
    this.closed = new Promise((resolve) => this.#socket.once("close", () => resolve()));
    // A server that resets the connection does what it should.
    this.#socket.on("error", () => {});
    this.#socket.on("data", (chunk) => this.#read(chunk));
  }

  /** Resolves once connected, or closed. */
  async connected() {
    if (this.#socket.connecting)
      await Promise.race([once(this.#socket, "connect").catch(() => {}), this.closed]);
  }

  get isClosed() {
    return this.#socket.destroyed;
  }

  /** Asks for the upgrade. Resolves with true once it is granted. @param {string} [more] header lines */
  async upgrade(more = "") {
    await this.connected();
    this.write(
      "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${Buffer.alloc(16).toString("base64")}\r\n${more}\r\n`,
    );
    while (!this.#isUpgraded && !this.#socket.destroyed) {
      await Promise.race([once(this.#socket, "data").catch(() => {}), this.closed]);
    }
    return this.#isUpgraded;
  }

  /** @param {Buffer | string} bytes */
  write(bytes) {
    if (!this.#socket.destroyed && this.#socket.writable) this.#socket.write(bytes);
  }

  /**
   * Writes one WebSocket frame, masked with zeros.
   *
   * @param {Buffer} payload
   * @param {{ opcode?: number, fin?: boolean, rsv?: number, isMasked?: boolean, claimed?: number }} [how]
   */
  send(payload, { opcode = 2, fin = true, rsv = 0, isMasked = true, claimed = payload.length } = {}) {
    const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
    const mask = isMasked ? 0x80 : 0;
    let head;
    if (claimed < 126) head = Buffer.from([first, mask | claimed]);
    else if (claimed < 65_536) head = Buffer.from([first, mask | 126, claimed >> 8, claimed & 0xff]);
    else {
      head = Buffer.alloc(10);
      head[0] = first;
      head[1] = mask | 127;
      head.writeBigUInt64BE(BigInt(claimed), 2);
    }
    this.write(Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0), payload]));
  }

  /** Waits until the server has closed the connection; false if it has not in time. */
  async isClosedInTime() {
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve(false), PATIENCE_MS);
    });
    const isClosed = await Promise.race([this.closed.then(() => true), late]);
    clearTimeout(timer);
    return isClosed === true;
  }

  destroy() {
    this.#socket.destroy();
  }

  /** @param {Buffer} chunk */
  #read(chunk) {
    this.#input = this.#input.length === 0 ? chunk : Buffer.concat([this.#input, chunk]);
    if (!this.#isUpgraded) {
      const end = this.#input.indexOf("\r\n\r\n");
      if (end === -1 || !this.#input.toString("latin1", 0, 12).startsWith("HTTP/1.1 101")) return;
      this.#input = this.#input.subarray(end + 4);
      this.#isUpgraded = true;
    }
    for (let frame = this.#takeFrame(); frame !== null; frame = this.#takeFrame()) {
      if (frame.opcode === 2) this.onFrame(frame.payload);
      // A close is answered, so that the server need not wait for its patience to end.
      if (frame.opcode === 8) this.send(frame.payload, { opcode: 8 });
    }
  }

  /** The next whole frame of the server; its frames are never masked. */
  #takeFrame() {
    const input = this.#input;
    if (input.length < 2) return null;
    const short = /** @type {number} */ (input[1]) & 0x7f;
    const headBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (input.length < headBytes) return null;
    const size =
      short < 126 ? short : short === 126 ? input.readUInt16BE(2) : Number(input.readBigUInt64BE(2));
    if (input.length < headBytes + size) return null;
    this.#input = input.subarray(headBytes + size);
    return {
      opcode: /** @type {number} */ (input[0]) & 0x0f,
      payload: input.subarray(headBytes, headBytes + size),
    };
  }
}
