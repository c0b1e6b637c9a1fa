// Frames that no honest worker sends, from a seed. One frame is the payload of one binary WebSocket message;
// its layout is in packages/protocol/src/frame.ts.

import { crc32 } from "node:zlib";
import { Packr, Unpackr } from "msgpackr";

const packr = new Packr({ useRecords: false, moreTypes: true });

/** Bytes in front of every frame, and the largest chunk of floats behind them. */
const PREFIX_BYTES = 16;
const CHUNK_BYTES = 1 << 20;

/** @typedef {{ below(bound: number): number, pick<T>(items: readonly T[]): T, bytes(count: number): Buffer }} Random */

/**
 * Uniform numbers by a 32-bit mixer of a counter (splitmix32): enough for choosing what to send.
 *
 * @param {number} seed
 * @returns {Random}
 */
export function createRandom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  const below = (/** @type {number} */ bound) => Math.floor((next() / 2 ** 32) * bound);
  return {
    below,
    pick: (items) => /** @type {typeof items[number]} */ (items[below(items.length)]),
    bytes: (count) => Buffer.from(Array.from({ length: count }, () => next() & 0xff)),
  };
}

export const hello = {
  type: "hello",
  protocolMin: 1,
  protocolMax: 1,
  name: "fuzz",
  version: "0.0.0",
  host: "fuzz",
  pid: 1,
};

/** A result for a lease that nobody has, unless `changes` say otherwise. */
export const resultOf = (/** @type {object} */ changes) => ({
  type: "result",
  leaseId: 1,
  round: 0,
  version: 0,
  level: 0,
  index: 0,
  taskCount: 1,
  statCount: 1,
  computeMs: 1,
  ...changes,
});

/**
 * A first frame around a header, with the lengths as they are or as `forged` says.
 *
 * @param {unknown} message packed; a Buffer is taken as it is
 * @param {Buffer} [body]
 * @param {{ headerBytes?: number, bodyBytes?: number, kind?: number, format?: number }} [forged]
 */
export function frameOf(message, body = Buffer.alloc(0), forged = {}) {
  const header = Buffer.isBuffer(message) ? message : packr.pack(message);
  const offset = PREFIX_BYTES + Math.ceil(header.length / 8) * 8;
  const frame = Buffer.alloc(offset + Math.min(body.length, CHUNK_BYTES));
  frame.writeUInt8(forged.kind ?? 0x53, 0);
  frame.writeUInt8(forged.format ?? 1, 1);
  frame.writeUInt32LE(forged.headerBytes ?? header.length, 4);
  frame.writeUInt32LE(forged.bodyBytes ?? body.length, 8);
  header.copy(frame, PREFIX_BYTES);
  body.copy(frame, offset, 0, CHUNK_BYTES);
  return sealed(frame);
}

/** A frame with the checksum of what it holds, so that it is read further. @param {Buffer} frame */
function sealed(frame) {
  frame.writeUInt32LE(crc32(frame.subarray(PREFIX_BYTES), crc32(frame.subarray(0, 12))), 12);
  return frame;
}

/** The message of a first frame of the coordinator; null for a continuation. @param {Buffer} frame */
export function messageOf(frame) {
  if (frame[0] !== 0x53) return null;
  const header = frame.subarray(PREFIX_BYTES, PREFIX_BYTES + frame.readUInt32LE(4));
  return /** @type {Record<string, unknown>} */ (new Unpackr({ useRecords: false }).unpack(header));
}

/** @param {Random} random @param {readonly unknown[]} valid messages */
function mutated(random, valid) {
  const frame = frameOf(random.pick(valid));
  for (let i = random.below(4); i >= 0; i--) frame[random.below(frame.length)] = random.below(256);
  if (random.below(4) > 0) sealed(frame);
  return random.below(4) === 0 ? frame.subarray(0, random.below(frame.length)) : frame;
}

const wrongValues = [
  null,
  true,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 60,
  "",
  "x".repeat(5000),
  "\u001b[2J",
  [],
  {},
  [[[]]],
  { type: "hello" },
  new Float32Array(3),
  new Date(0),
  /(a+)+$/,
  new Map([[1, 2]]),
];

/** @param {Random} random @param {readonly Record<string, unknown>[]} valid */
function wrongType(random, valid) {
  const message = { ...random.pick(valid) };
  const key = random.pick(Object.keys(message));
  const roll = random.below(8);
  if (roll < 2) delete message[key];
  else if (roll < 4) message.surplus = random.pick(wrongValues);
  else message[key] = random.pick(wrongValues);
  return frameOf(message);
}

/** @param {Random} random */
function deep(random) {
  const depth = 33 + random.below(12_000);
  return frameOf(Buffer.concat([Buffer.alloc(depth, random.pick([0x91, 0x81])), Buffer.from([0xc0])]));
}

/** @param {Random} random @param {readonly unknown[]} valid */
function forgedLength(random, valid) {
  const length = () =>
    random.pick([1, 3, 4, 0x7fff_ffff, 0xffff_fffc, 0xffff_ffff, 1 + random.below(2 ** 31)]);
  const inside = Buffer.from([
    random.pick([0xdd, 0xdf, 0xdb, 0xc6, 0xc9]),
    0xff,
    0xff,
    0xff,
    random.below(256),
  ]);
  return random.pick([
    () => frameOf(random.pick(valid), undefined, { headerBytes: length() }),
    () => frameOf(random.pick(valid), undefined, { bodyBytes: length() }),
    () => frameOf(resultOf({}), Buffer.alloc(8), { bodyBytes: length() }),
    () => frameOf(inside),
  ])();
}

/** @param {Random} random */
function wrongOrder(random) {
  return random.pick([
    frameOf({ type: "ready", dataHash: "x", device: "cpu", slots: 1, paramCount: 1 }),
    frameOf({ type: "leaving", reason: "before hello" }),
    frameOf({ type: "heartbeat", leases: [1] }),
    frameOf({ type: "welcome" }),
    frameOf(resultOf({}), Buffer.alloc(8)),
    // A continuation of nothing.
    frameOf(Buffer.alloc(0), Buffer.alloc(64), { kind: 0x43, headerBytes: 1, bodyBytes: CHUNK_BYTES + 64 }),
  ]);
}

/**
 * Payloads by kind.
 *
 * @type {Readonly<Record<string, (random: Random, valid: readonly Record<string, unknown>[]) => Buffer>>}
 */
export const frameKinds = {
  random: (random) => random.bytes(random.below(300)),
  "random header": (random) => frameOf(random.bytes(random.below(200))),
  mutated,
  "wrong type": wrongType,
  "deep nesting": deep,
  "forged length": forgedLength,
  "wrong order": wrongOrder,
  oversized: (random) => Buffer.alloc(random.pick([20_000, 70_000, 1_400_000, 2_000_000]), 0x53),
};
