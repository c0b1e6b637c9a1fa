import { ShoalError } from "@shoal/core/outer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from "./safetensors.ts";

const tensors: readonly NamedTensor[] = [
  { name: "a", shape: [2], values: Float32Array.of(1, -2) },
  { name: "b.c", shape: [1, 1, 3], values: Float32Array.of(0.5, -0, Number.POSITIVE_INFINITY) },
  { name: "scalar", shape: [], values: Float32Array.of(7) },
];

const encode = (list: readonly NamedTensor[] = tensors): Buffer =>
  Buffer.concat(encodeSafetensors(list, { format: "x" }));

/** A file with a header of one's own. */
function fileWith(header: unknown, dataBytes = 8): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}

const entry = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

describe("a safetensors file", () => {
  test("has the bytes that the format prescribes", () => {
    const bytes = Buffer.concat(encodeSafetensors([tensors[0]!], {}));
    // 72 characters of JSON, a multiple of 8 already, so no spaces behind them.
    const header = '{"__metadata__":{},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    expect(header).toHaveLength(72);
    expect(bytes.readBigUInt64LE(0)).toBe(72n);
    expect(bytes.subarray(8, 80).toString()).toBe(header);
    // 1 and -2 in float32, little-endian.
    expect([...bytes.subarray(80)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  test("gives back names, shapes and bits", () => {
    const decoded = [...decodeSafetensors(encode(), "file").values()];
    expect(decoded).toEqual(tensors);
    expect(Object.is(decoded[1]!.values[1], -0)).toBe(true);
  });

  test("gives back any names and any floats", () => {
    const tensor = fc.tuple(
      fc.string().filter((name) => name !== "__metadata__" && name !== "__proto__"),
      fc.float32Array(),
    );
    fc.assert(
      fc.property(fc.uniqueArray(tensor, { selector: ([name]) => name }), (pairs) => {
        const list = pairs.map(([name, values]) => ({ name, shape: [values.length], values }));
        const bytes = encode(list);
        expect(bytes.readUInt32LE(0) % 8).toBe(0);
        const decoded = decodeSafetensors(bytes, "file");
        expect(decoded.size).toBe(list.length);
        for (const expected of list) expect(decoded.get(expected.name)).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test("may lie anywhere in a buffer, and is copied out of it", () => {
    const bytes = encode();
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    const decoded = decodeSafetensors(shifted.subarray(3), "file");
    shifted.fill(0);
    expect([...decoded.values()]).toEqual(tensors);
  });
});

describe("a file that is no safetensors file", () => {
  test("because it is cut off, at whatever byte, is refused", () => {
    const bytes = encode();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length), "file"), `${length} bytes`).toThrow(
        expect.objectContaining({ name: "ShoalError", code: "E_CHECKPOINT" }),
      );
    }
  });

  test.each<[string, Buffer, string]>([
    ["claims a header longer than any", Buffer.alloc(64, 0xff), "a header that is cut off"],
    [
      "claims a header longer than itself",
      Buffer.concat([Buffer.from([200, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(100)]),
      "a header that is cut off",
    ],
    ["has a header that is not JSON", fileWith("{nonsense"), "a header that is not JSON"],
    ["has a header that is null", fileWith("null"), "a header that is not JSON"],
    ["has a header that is a list", fileWith([entry]), "a header that is not JSON"],
    ["describes a tensor by null", fileWith({ a: null }), "a without a type, shape and place"],
    [
      "describes a tensor without a place",
      fileWith({ a: { dtype: "F32", shape: [2] } }),
      "a without a type, shape and place",
    ],
    [
      "has a shape that is no shape",
      fileWith({ a: { ...entry, shape: [0.5, 4] } }),
      "a without a type, shape and place",
    ],
    [
      "has a tensor in front of its data",
      fileWith({ a: { ...entry, data_offsets: [-8, 0] } }),
      "a without a type, shape and place",
    ],
    ["has a tensor of another size than its shape", fileWith({ a: { ...entry, shape: [3] } }), "a cut off"],
    [
      "has a tensor that ends before it begins",
      fileWith({ a: { ...entry, data_offsets: [8, 0] } }),
      "a cut off",
    ],
    ["has a tensor behind its end", fileWith({ a: { ...entry, data_offsets: [8, 16] } }), "a cut off"],
    ["has a tensor of another type", fileWith({ a: { ...entry, dtype: "F64" } }), "a as F64, not F32"],
  ])("because it %s, is refused, with its name and what to do", (_, bytes, what) => {
    expect(() => decodeSafetensors(bytes, "runs/one/file")).toThrow(
      new ShoalError(
        "E_CHECKPOINT",
        `runs/one/file: expected a safetensors file, got ${what}; use another checkpoint`,
      ),
    );
  });

  test("of any bytes is refused in the same way", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => fileWith(text)),
        ),
        (bytes) => {
          try {
            decodeSafetensors(bytes, "file");
          } catch (error) {
            expect(error).toBeInstanceOf(ShoalError);
          }
        },
      ),
    );
  });
});
