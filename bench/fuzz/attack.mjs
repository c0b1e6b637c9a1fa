// Attackers of a coordinator: strangers that never say hello, members that say it and then misbehave, and slow
// ones. Each is one connection; all of them together send `count` malformed frames.

import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, frameKinds, frameOf, hello, messageOf, resultOf } from "./malformed-frames.mjs";
import { RawPeer } from "./raw-peer.mjs";

/** Connections at a time, and how many of the slow ones beside them. */
const CONCURRENCY = 24;
const SLOW = 12;

/** Results of one false worker. */
const RESULTS = 5;

/** Longest wait of a false worker for a lease, in ms. */
const LEASE_MS = 500;

/**
 * @typedef {object} Target
 * @property {number} port of the coordinator, on 127.0.0.1
 * @property {number} paramCount of the run's model, so that an attacker can seem ready
 * @property {string} dataHash
 *
 * @typedef {object} Tally
 * @property {Record<string, number>} sent frames by kind
 * @property {number} connections
 * @property {Record<string, number>} open connections that the coordinator should have closed and has not, by kind
 */

/**
 * Sends `count` malformed frames.
 *
 * @param {Target} target
 * @param {{ count: number, seed: number, onProgress?: (sent: number) => void }} options
 * @returns {Promise<Tally>}
 */
export async function attack(target, { count, seed, onProgress = () => {} }) {
  /** @type {Tally} */
  const tally = { sent: {}, connections: 0, open: {} };
  const progress = { sent: 0, isOver: false };
  const add = (/** @type {string} */ kind, frames = 1) => {
    tally.sent[kind] = (tally.sent[kind] ?? 0) + frames;
    const before = progress.sent;
    progress.sent += frames;
    if (Math.floor(progress.sent / 1000) !== Math.floor(before / 1000)) onProgress(progress.sent);
  };
  const slow = Array.from({ length: SLOW }, async (_, i) => {
    while (!progress.isOver)
      await slowAttacker(target, createRandom(seed + 7919 * (i + 1)), add, () => progress.isOver);
  });
  const fast = Array.from({ length: CONCURRENCY }, async (_, i) => {
    const random = createRandom(seed + i);
    while (progress.sent < count) {
      tally.connections++;
      // Many addresses: no attacker is stopped by the limits of one.
      const peer = new RawPeer({ port: target.port, localAddress: `127.0.1.${1 + random.below(200)}` });
      let last = "";
      const mustClose = await random.pick(attackers)(peer, target, random, (kind, sent) => {
        last = kind;
        add(kind, sent);
      });
      if (mustClose && !(await peer.isClosedInTime())) tally.open[last] = (tally.open[last] ?? 0) + 1;
      peer.destroy();
    }
  });
  await Promise.all(fast);
  progress.isOver = true;
  await Promise.all(slow);
  return tally;
}

/**
 * One attacker. Resolves with true where the coordinator has to close the connection by itself.
 *
 * @typedef {(peer: RawPeer, target: Target, random: import("./malformed-frames.mjs").Random,
 *   add: (kind: string, frames?: number) => void) => Promise<boolean>} Attacker
 */

/** A frame in the place of the hello. @type {Attacker} */
async function stranger(peer, _target, random, add) {
  if (!(await peer.upgrade())) return true;
  const kind = random.pick(Object.keys(frameKinds));
  peer.send(/** @type {NonNullable<typeof frameKinds[string]>} */ (frameKinds[kind])(random, [hello]));
  add(`stranger: ${kind}`);
  // What is still a valid hello leaves the connection open until its hello has been heard.
  return kind !== "mutated" && kind !== "wrong type";
}

/** Breaks the rules of WebSocket itself. @type {Attacker} */
async function ruleBreaker(peer, _target, random, add) {
  if (!(await peer.upgrade())) return true;
  const payload = random.bytes(random.below(100));
  peer.send(
    payload,
    random.pick([
      { isMasked: false },
      { rsv: 4 },
      { opcode: 3 + random.below(5) },
      { opcode: 11 + random.below(5) },
      { opcode: 1 },
      { opcode: 0 },
      { opcode: 9, fin: false },
      { opcode: 9, claimed: 1000 },
      { claimed: 2 ** 40 },
      { claimed: 2 ** 53 - 1 },
    ]),
  );
  add("broken WebSocket");
  return true;
}

/** No HTTP, or none that is wanted. @type {Attacker} */
async function noHttp(peer, _target, random, add) {
  await peer.connected();
  peer.write(
    random.pick([
      random.bytes(1 + random.below(500)),
      "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
      `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
      "POST /stop HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      `GET /${"../".repeat(200)}etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`,
      "\u0016\u0003\u0001\u0002\u0000\u0001\u0000",
    ]),
  );
  add("no HTTP");
  // A request that never ends is the slow attackers' part; this one goes by itself.
  return false;
}

/** Says hello, and then what no worker says. @type {Attacker} */
async function member(peer, target, random, add) {
  if (!(await join(peer))) return true;
  const ready = {
    type: "ready",
    dataHash: target.dataHash,
    device: "fuzz",
    slots: 1,
    paramCount: target.paramCount,
  };
  const valid = [
    ready,
    resultOf({}),
    { type: "heartbeat", leases: [1, 2] },
    { type: "failed", leaseId: 1, code: "E", message: "m" },
  ];
  const kind = random.pick([...Object.keys(frameKinds), "second hello", "other model", "other data"]);
  const makeFrame = frameKinds[kind];
  if (makeFrame !== undefined) peer.send(makeFrame(random, valid));
  else if (kind === "second hello") peer.send(frameOf(hello));
  else if (kind === "other model") peer.send(frameOf({ ...ready, paramCount: target.paramCount + 1 }));
  else peer.send(frameOf({ ...ready, dataHash: "\u001b[31mother" }));
  add(`member: ${kind}`);
  return !["mutated", "wrong type", "wrong order", "random"].includes(kind);
}

/** Is taken for a worker, and sends results that nobody asked for. @type {Attacker} */
async function falseWorker(peer, target, random, add) {
  if (!(await join(peer))) return true;
  const { dataHash, paramCount } = target;
  peer.send(frameOf({ type: "ready", dataHash, device: "fuzz", slots: 1, paramCount }));
  const wild = () => random.pick([0, 1, random.below(100), 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER]);
  for (let i = 0; i < RESULTS; i++) {
    const changes = { leaseId: wild(), round: wild(), version: wild(), level: wild(), index: wild() };
    const floats = random.pick([0, 1, 3, paramCount, 2 * paramCount]);
    peer.send(frameOf(resultOf(changes), nanBody(floats)));
    if (random.below(4) === 0)
      peer.send(frameOf({ type: "failed", leaseId: wild(), code: "E", message: "no" }));
    if (random.below(4) === 0) peer.send(frameOf({ type: "heartbeat", leases: [wild(), wild()] }));
  }
  add("false worker: results", RESULTS);
  peer.send(frameOf({ type: "leaving", reason: "\u001b]0;fuzz\u0007" }));
  return false;
}

/** Takes a lease as a worker does, and answers it with NaN. One at a time: three such answers to one block end a
 * run, as they should. @type {Attacker} */
async function nanWorker(peer, target, random, add) {
  if (isNanWorkerHere) return falseWorker(peer, target, random, add);
  isNanWorkerHere = true;
  try {
    if (!(await join(peer))) return true;
    /** @type {Promise<Record<string, unknown> | null>} */
    const leased = new Promise((resolve) => {
      peer.onFrame = (frame) => {
        const message = messageOf(frame);
        if (message?.type === "lease") resolve(message);
      };
      setTimeout(() => resolve(null), LEASE_MS);
    });
    const { dataHash, paramCount } = target;
    peer.send(frameOf({ type: "ready", dataHash, device: "fuzz", slots: 1, paramCount }));
    const lease = await Promise.race([leased, peer.closed.then(() => null)]);
    if (lease === null) return false;
    const { leaseId, round, version, level, index } = lease;
    peer.send(frameOf(resultOf({ leaseId, round, version, level, index }), nanBody(paramCount + 2)));
    add("false worker: NaN for its lease");
    peer.send(frameOf({ type: "leaving", reason: "done" }));
    return false;
  } finally {
    isNanWorkerHere = false;
  }
}

let isNanWorkerHere = false;

/** @param {number} floats */
function nanBody(floats) {
  return Buffer.from(new Float32Array(floats).fill(Number.NaN).buffer);
}

/** Says hello and waits for welcome, the first frame that comes. @param {RawPeer} peer */
async function join(peer) {
  if (!(await peer.upgrade())) return false;
  const welcomed = new Promise((resolve) => {
    peer.onFrame = () => resolve(true);
  });
  peer.send(frameOf(hello));
  return await Promise.race([welcomed, peer.closed.then(() => false)]);
}

/** @type {readonly Attacker[]} */
const attackers = [stranger, stranger, stranger, member, member, ruleBreaker, noHttp, falseWorker, nanWorker];

/**
 * Sends a request, a frame or a hello a few bytes at a time, and is cut off.
 *
 * @param {Target} target
 * @param {import("./malformed-frames.mjs").Random} random
 * @param {(kind: string, frames?: number) => void} add
 * @param {() => boolean} isOver
 */
async function slowAttacker(target, random, add, isOver) {
  const peer = new RawPeer({ port: target.port, localAddress: `127.0.2.${1 + random.below(200)}` });
  await peer.connected();
  const isUpgraded = random.below(2) === 0 && (await peer.upgrade());
  // A frame of 1 MiB that comes byte by byte, or a request whose headers never end.
  peer.write(
    isUpgraded ? Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0]) : "GET / HTTP/1.1\r\n",
  );
  add("slow");
  while (!peer.isClosed && !isOver()) {
    peer.write(isUpgraded ? Buffer.from([0]) : "X");
    await sleep(100);
  }
  peer.destroy();
}
