import { describe, expect, test } from "vitest";
import { decodeRecord, encodeRecord, findRecord, type RoundHead } from "./log-record.ts";

const head: RoundHead = {
  type: "round",
  incarnation: 2,
  round: 17,
  purpose: "train",
  version: 3,
  leaves: 2,
  tasks: 4,
  parent: "a".repeat(64),
  paramsHash: "b".repeat(64),
  workers: { w1: "one (host:1)" },
  blocks: [[1, 0, "w1", 2_000_000_007, "0a1b2c3d"]],
  metric: { type: "step", step: 4, loss: 0.1 },
  gradientFloats: 2,
  statFloats: 1,
};
const body = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
const record = Buffer.concat(encodeRecord(head, [body.subarray(0, 8), body.subarray(8)]));

describe("a record of the log", () => {
  test("comes back as it was, wherever it lies", () => {
    const segment = Buffer.concat([Buffer.from("before"), record, Buffer.from("after")]);
    const end = 6 + record.length;
    const decoded = { type: "record", record: { head, body: Buffer.from(body) }, end };
    expect(decodeRecord(segment, 6)).toEqual(decoded);
    expect(findRecord(segment, 0)).toBe(6);
  });

  test("cut off at any byte is said to be cut off", () => {
    for (let length = 0; length < record.length; length++) {
      expect(decodeRecord(record.subarray(0, length), 0), `${length} bytes`).toMatchObject({
        type: "cut-off",
      });
    }
  });

  test("with any byte changed is none", () => {
    for (let at = 0; at < record.length; at++) {
      for (const bit of [0, 3, 7]) {
        const changed = Buffer.from(record);
        changed[at]! ^= 1 << bit;
        expect(decodeRecord(changed, 0).type, `bit ${bit} of byte ${at}`).not.toBe("record");
      }
    }
  });

  test("is found behind one that is damaged, and not inside it", () => {
    const damaged = Buffer.from(record);
    damaged[40]! ^= 1;
    const segment = Buffer.concat([damaged, record]);
    expect(decodeRecord(segment, 0)).toEqual({
      type: "damaged",
      reason: "the checksum of its head does not match",
    });
    expect(findRecord(segment, 1)).toBe(record.length);
    expect(findRecord(damaged, 0)).toBe(-1);
  });
});
