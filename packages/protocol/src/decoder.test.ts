import fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, test } from "vitest";
import { Decoder } from "./decoder.ts";
import { encode } from "./encode.ts";
import { bodyOffset, FIRST_FRAME, seal, writePrefix } from "./frame.ts";
import { CHUNK_BYTES, LIMITS_AFTER_HELLO, LIMITS_BEFORE_HELLO, PREFIX_BYTES } from "./limits.ts";
import { MalformedFrame } from "./malformed-frame.ts";
import type { CoordinatorMessage, WorkerMessage } from "./messages.ts";
import { coordinatorVocabulary, type Vocabulary, workerVocabulary } from "./vocabulary.ts";

const hello: WorkerMessage = {
  type: "hello",
  protocolMin: 1,
  protocolMax: 1,
  name: "größe",
  version: "0.1.0",
  host: "here",
  pid: 4_000_000_000,
};

const result: WorkerMessage = {
  type: "result",
  leaseId: 7,
  round: 3,
  version: 3,
  level: 1,
  index: 2,
  taskCount: 2,
  statCount: 2,
  computeMs: 12.25,
};

const workerMessages: readonly WorkerMessage[] = [
  hello,
  { type: "ready", dataHash: "ab12", device: "cpu", slots: 2, paramCount: 112_000 },
  { type: "failed", leaseId: 1, code: "E_DEVICE", message: "out of memory" },
  { type: "heartbeat", leases: [1, 200, 70_000, 2 ** 40] },
  { type: "heartbeat", leases: [], wait: { for: "graphs", ms: 1.5 } },
  { type: "heartbeat", leases: [7], slots: 12 },
  { type: "leaving", reason: "SIGTERM" },
];

const coordinatorMessages: readonly CoordinatorMessage[] = [
  {
    type: "welcome",
    protocol: 1,
    runId: "run",
    workerId: "w1",
    incarnation: 1,
    heartbeatMs: 5_000,
    silenceMs: 30_000,
    experiment: { seed: 1, model: { type: "mlp", hidden: [40, 40] }, clip: null, rate: 1e-3, on: true },
    dataHash: null,
  },
  {
    type: "lease",
    leaseId: 1,
    round: 0,
    kind: "train",
    version: 0,
    split: "train",
    level: 1,
    index: 2,
    leafCount: 32,
    tasksPerLeaf: 1,
    firstEpisode: 2 ** 33,
    taskCount: 32,
    leaseMs: 60_000,
  },
  { type: "answer", leaseId: 1, status: "rejected", version: 4, reason: "gradient is not finite" },
  { type: "answer", leaseId: 1, status: "stale", version: 4 },
  { type: "revoke", leaseIds: [1, 2] },
  { type: "drain", reason: "drained by ada: a new disk" },
  { type: "done", outcome: "complete", message: "300 steps" },
  { type: "refuse", code: "E_DATA_HASH", message: "other data" },
];

const workerDecoder = () => new Decoder(workerVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);

/** A first frame around any header bytes. */
function frameOf(header: Uint8Array, bodyBytes = 0): Buffer {
  const frame = Buffer.alloc(bodyOffset(header.byteLength) + Math.min(bodyBytes, CHUNK_BYTES));
  writePrefix(frame, { kind: FIRST_FRAME, headerBytesOrIndex: header.byteLength, bodyBytes });
  frame.set(header, PREFIX_BYTES);
  return seal(frame);
}

const codeOf = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    if (error instanceof MalformedFrame) return error.closeCode;
    throw error;
  }
  return null;
};

describe("encode and Decoder", () => {
  test("give every message without a body back as it was", () => {
    const fromWorker = workerDecoder();
    for (const message of workerMessages) {
      const [frame] = encode(workerVocabulary, message, null);
      expect(fromWorker.push(frame!)).toEqual({ message, body: null });
    }
    const fromCoordinator = new Decoder(coordinatorVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);
    for (const message of coordinatorMessages) {
      const [frame] = encode(coordinatorVocabulary, message, null);
      expect(fromCoordinator.push(frame!)).toEqual({ message, body: null });
    }
  });

  test("keep every bit of a body, NaN payloads and negative zero among them, at any chunk boundary", () => {
    const perChunk = CHUNK_BYTES / 4;
    for (const count of [0, 1, 3, perChunk - 1, perChunk, perChunk + 1, 2 * perChunk]) {
      const bits = new Uint32Array(count).map((_, i) => Math.imul(i, 0x9e3779b1) >>> 0);
      if (count > 2) bits.set([0x7fc12345, 0x80000000, 0x7f800000]);
      const decoder = workerDecoder();
      let last = null;
      for (const frame of encode(workerVocabulary, result, new Float32Array(bits.buffer))) {
        expect(last).toBeNull();
        // Shifted by 1: the decoder must give an aligned body from an unaligned frame.
        const shifted = Buffer.alloc(frame.byteLength + 1);
        shifted.set(frame, 1);
        last = decoder.push(shifted.subarray(1));
      }
      expect(last!.message).toEqual(result);
      expect(Buffer.from(last!.body!.buffer).equals(Buffer.from(bits.buffer))).toBe(true);
    }
  });

  test("the frames share no memory with the body that was encoded, nor the decoded body with the frame", () => {
    const body = new Float32Array([1, 2]);
    const [frame] = encode(workerVocabulary, result, body);
    body.fill(9);
    const decoded = workerDecoder().push(frame!);
    frame!.fill(0);
    expect(decoded!.body).toEqual(new Float32Array([1, 2]));
  });

  test("encode refuses what the schema forbids, a missing body and a body too many", () => {
    expect(() => encode(workerVocabulary, { ...hello, pid: -1 }, null)).toThrow(/bad hello/);
    expect(() => encode(workerVocabulary, { ...hello, surplus: 1 } as WorkerMessage, null)).toThrow(
      /bad hello/,
    );
    expect(() => encode(workerVocabulary, result, null)).toThrow(/needs a body/);
    expect(() => encode(workerVocabulary, hello, new Float32Array(1))).toThrow(/has no body/);
  });
});

describe("Decoder", () => {
  test("holds the first message to the limits for strangers: 1009", () => {
    const stranger = () => new Decoder(workerVocabulary, LIMITS_BEFORE_HELLO, LIMITS_AFTER_HELLO);
    const long = encode(workerVocabulary, { type: "heartbeat", leases: Array(4096).fill(2 ** 40) }, null)[0]!;
    const withBody = encode(workerVocabulary, result, new Float32Array(1))[0]!;
    expect(codeOf(() => stranger().push(long))).toBe(1009);
    expect(codeOf(() => stranger().push(withBody))).toBe(1009);
    const known = stranger();
    known.push(encode(workerVocabulary, hello, null)[0]!);
    expect(known.push(long)).not.toBeNull();
    expect(known.push(withBody)).not.toBeNull();
  });

  test("refuses a body above the limit before it allocates it: 1009", () => {
    const frame = encode(workerVocabulary, result, new Float32Array(CHUNK_BYTES / 4))[0]!;
    frame.writeUInt32LE(0xffff_fffc, 8);
    expect(codeOf(() => workerDecoder().push(frame))).toBe(1009);
  });

  test("refuses chunks out of order, missing, repeated or from nowhere: 1002", () => {
    const frames = encode(workerVocabulary, result, new Float32Array((3 * CHUNK_BYTES) / 4));
    for (const order of [[1], [0, 2], [0, 1, 1], [0, 0]]) {
      const decoder = workerDecoder();
      expect(codeOf(() => order.map((index) => decoder.push(frames[index]!)))).toBe(1002);
    }
  });

  test("refuses headers that no encoder of ours writes: 1007", () => {
    const pack = (value: unknown) => new Packr({ useRecords: false, moreTypes: true }).pack(value);
    const records = new Packr({ useRecords: true }).pack({ type: "leaving", reason: "x" });
    const deep = Buffer.concat([Buffer.alloc(60_000, 0x91), Buffer.from([0xc0])]);
    const arrayOf4Billion = Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]);
    const headers = [
      Buffer.alloc(0),
      records,
      deep,
      arrayOf4Billion,
      pack({ type: "leaving", reason: /(a+)+$/ }),
      pack({ type: "leaving", reason: new Float32Array(2) }),
      pack({ type: "leaving", reason: "x", surplus: 1 }),
      pack({ type: "leaving" }),
      pack({ type: "welcome" }),
      pack(["leaving", "x"]),
      pack({ type: "heartbeat", leases: [1.5] }),
      pack({ type: "heartbeat", leases: [Number.NaN] }),
      Buffer.concat([pack({ type: "leaving", reason: "x" }), Buffer.from([0xc0])]),
      pack({ type: "leaving", reason: "x" }).subarray(0, -1),
      // A map with a number for a key, and text that is not UTF-8 where a schema wants another value.
      Buffer.from([0x81, 0x01, 0x02]),
      Buffer.from([0x81, 0xa4, 0x74, 0x79, 0x70, 0x65, 0xa2, 0xff, 0xfe]),
    ];
    for (const header of headers) expect(codeOf(() => workerDecoder().push(frameOf(header)))).toBe(1007);
    expect(codeOf(() => workerDecoder().push(frameOf(pack({ type: "leaving", reason: "x" }), 4)))).toBe(1002);
  });

  test("answers random bytes with a close code, never with another error", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, asHeader) => {
        const frame = asHeader ? frameOf(bytes) : bytes;
        expect([1002, 1007, 1009]).toContain(codeOf(() => workerDecoder().push(frame)));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["worker", workerVocabulary, workerMessages, { ...result }],
    ["coordinator", coordinatorVocabulary, coordinatorMessages, { type: "params", version: 3 }],
  ] as const)(
    "answers a forged frame of a %s with a close code or with a message that passes the schema",
    (_, vocabulary: Vocabulary<{ type: string }>, messages, withBody) => {
      const valid = [
        ...messages.map((message) => encode(vocabulary, message, null)[0]!),
        encode(vocabulary, withBody, new Float32Array([1, 2, 3]))[0]!,
      ];
      const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
      const damage = fc.array(change, { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(fc.constantFrom(...valid), damage, fc.nat({ max: 40 }), (frame, changes, cut) => {
          const kept = Math.max(0, frame.byteLength - Math.max(0, cut - 30));
          const forged = Buffer.from(frame).subarray(0, kept);
          for (const [at, value] of changes) if (forged.length > 0) forged[at % forged.length] = value;
          // Whoever forges a frame writes its checksum too.
          if (forged.length >= PREFIX_BYTES) seal(forged);
          const decoder = new Decoder(vocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);
          const code = codeOf(() => {
            const decoded = decoder.push(forged);
            if (decoded !== null) vocabulary.schema.parse(decoded.message);
          });
          expect([null, 1002, 1007, 1009]).toContain(code);
        }),
        { numRuns: 3000 },
      );
    },
  );

  test("refuses a frame in which any bit was changed on the way", () => {
    const floats = Float32Array.from({ length: 40 }, (_, i) => i);
    const frames = [encode(workerVocabulary, result, floats)[0]!, encode(workerVocabulary, hello, null)[0]!];
    for (const frame of frames) {
      for (let bit = 0; bit < 8 * frame.byteLength; bit++) {
        const changed = Buffer.from(frame);
        changed[bit >> 3]! ^= 1 << (bit & 7);
        expect([1002, 1007, 1009]).toContain(codeOf(() => workerDecoder().push(changed)));
      }
    }
  });

  test("refuses a later chunk in which a bit was changed on the way", () => {
    const [first, second] = encode(workerVocabulary, result, new Float32Array(CHUNK_BYTES / 4 + 8));
    second![second!.byteLength - 1]! ^= 0x40;
    const decoder = workerDecoder();
    expect(decoder.push(first!)).toBeNull();
    expect(codeOf(() => decoder.push(second!))).toBe(1007);
  });

  test("replaces what would act on a terminal or forge a line of a log", () => {
    const said = (message: WorkerMessage) =>
      workerDecoder().push(encode(workerVocabulary, message, null)[0]!)!.message;
    expect(said({ ...hello, name: "a\u001b[2J\nb\u202ec" })).toMatchObject({
      name: "a\ufffd[2J\ufffdb\ufffdc",
    });
    expect(said({ type: "leaving", reason: "one\n\ttwo\u0007\u009b" })).toMatchObject({
      reason: "one\n\ttwo\ufffd\ufffd",
    });
  });
});

test("floats stay in a frame that nobody else has, and are copied out of any other", () => {
  const floats = Float32Array.from({ length: 5_000 }, (_, i) => i / 3);
  const newDecoder = () => new Decoder(workerVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);
  const [frame] = encode(workerVocabulary, result, floats);
  const owned = newDecoder().push(frame!, true)!.body!;
  expect(owned).toEqual(floats);
  expect(owned.buffer).toBe(frame!.buffer);
  const copied = newDecoder().push(frame!)!.body!;
  expect(copied).toEqual(floats);
  expect(copied.buffer).not.toBe(frame!.buffer);
});

test("floats that would keep a big buffer alive, or are not aligned, are copied", () => {
  const floats = Float32Array.of(1, 2, 3);
  const [frame] = encode(workerVocabulary, result, floats);
  for (const at of [8, 9]) {
    const buffer = new Uint8Array(at === 8 ? 1_000_000 : frame!.byteLength + at);
    buffer.set(frame!, at);
    const decoder = new Decoder(workerVocabulary, LIMITS_AFTER_HELLO, LIMITS_AFTER_HELLO);
    const { body } = decoder.push(buffer.subarray(at, at + frame!.byteLength), true)!;
    expect(body).toEqual(floats);
    expect(body!.buffer).not.toBe(buffer.buffer);
  }
});
