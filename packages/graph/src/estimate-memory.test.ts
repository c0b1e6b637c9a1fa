import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { capture } from "./capture.ts";
import { estimateMemory } from "./estimate-memory.ts";

const spec = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const KIB = 1024;

test("a chain holds two arrays at a time: the one it reads and the one it writes", () => {
  const chain = (steps: number) =>
    estimateMemory(
      capture((x: tf.Tensor) => {
        let y = x;
        for (let i = 0; i < steps; i++) y = tf.sin(y);
        return y;
      }, spec(256)),
    );
  // 1 KiB each, and the arena's share of 0.7; the input is the caller's.
  expect(chain(3)).toBeCloseTo(1.7 * 2 * KIB, 3);
  expect(chain(30)).toBe(chain(3));
});

test("what is read again at the end is held until then", () => {
  const graph = capture((x: tf.Tensor) => {
    const kept = Array.from({ length: 5 }, (_, i) => tf.sin(tf.mul(x, i + 2)));
    return kept.reduceRight((sum, y) => tf.cos(tf.add(sum, y)));
  }, spec(256));
  expect(estimateMemory(graph)).toBeGreaterThan(1.7 * 2 * KIB);
});

test("a reshape is no array, a constant counts once", () => {
  const values = Float32Array.from({ length: 256 }, (_, i) => i);
  const graph = capture(
    (x: tf.Tensor) => tf.reshape(tf.add(tf.reshape(x, [16, 16]), tf.tensor(values, [16, 16])), [256]),
    spec(256),
  );
  // The sum's 1 KiB alive, the constant's beside it.
  expect(estimateMemory(graph)).toBeCloseTo(KIB + 1.7 * KIB, 3);
});
