import fc from "fast-check";
import { expect, test } from "vitest";
import { packGradient, unpackGradient } from "./packed-gradient.ts";

const float = fc.integer({ min: 0, max: 0xffff_ffff });
const bfloat16 = fc.integer({ min: 0, max: 0xffff }).map((half) => (half << 16) >>> 0);

function floatsOf(bits: readonly number[]): Float32Array {
  return new Float32Array(Uint32Array.from(bits).buffer);
}

function bytesOf(floats: Float32Array): Uint8Array {
  return new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
}

test("a gradient of bfloat16 comes back bit for bit, NaN and infinity too, and took half the places", () => {
  fc.assert(
    fc.property(fc.array(float), fc.array(bfloat16, { minLength: 1 }), (stats, gradient) => {
      const body = floatsOf([...stats, ...gradient]);
      const packed = packGradient(body, stats.length)!;
      expect(packed).toHaveLength(stats.length + Math.ceil(gradient.length / 2));
      const unpacked = unpackGradient(packed, stats.length, gradient.length)!;
      expect(bytesOf(unpacked)).toEqual(bytesOf(body));
    }),
  );
});

test("a gradient that would lose a bit is not packed", () => {
  fc.assert(
    fc.property(
      fc.array(bfloat16),
      float.filter((bits) => (bits & 0xffff) !== 0),
      fc.array(bfloat16),
      (before, exact, after) => {
        expect(packGradient(floatsOf([...before, exact, ...after]), 0)).toBeNull();
      },
    ),
  );
});

test("statistics alone are not packed", () => {
  expect(packGradient(floatsOf([0x3f80_0000]), 1)).toBeNull();
});

test("a body of another length than its message says is none", () => {
  fc.assert(
    fc.property(fc.nat(100), fc.nat(100), fc.nat(200), (length, stats, floats) => {
      fc.pre(length !== stats + Math.ceil(floats / 2));
      expect(unpackGradient(new Float32Array(length), stats, floats)).toBeNull();
    }),
  );
});
