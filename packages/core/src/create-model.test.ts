import { describe, expect, test } from "vitest";
import { createModel } from "./create-model.ts";
import type { ModelConfig } from "./experiment.ts";
import type { ArraySpec, EpisodeSpec } from "./task-source.ts";

const episodeOf = (...example: number[]): EpisodeSpec => {
  const x: ArraySpec = { shape: [5, ...example], dtype: "float32" };
  const examples = { x, y: { shape: [5], dtype: "int32" } as const };
  return { support: examples, query: examples };
};
const ways = { type: "classification", ways: 5 } as const;
const conv4 = (downsampling: "maxpool" | "stride"): ModelConfig => ({
  type: "conv4",
  filters: 8,
  downsampling,
  batchNorm: "affine",
  head: "glorot",
});
const shapeOf = (config: ModelConfig, spec: EpisodeSpec, name: string): readonly number[] | undefined =>
  createModel(config, ways, spec).params.find((param) => param.name === name)?.shape;

describe("createModel", () => {
  test("sizes the first and the last layer for the episodes", () => {
    expect(shapeOf({ type: "mlp", hidden: [3] }, episodeOf(28, 28, 1), "dense1.weights")).toEqual([784, 3]);
    expect(shapeOf({ type: "mlp", hidden: [3] }, episodeOf(28, 28, 1), "dense2.weights")).toEqual([3, 5]);
    expect(shapeOf(conv4("stride"), episodeOf(28, 28, 3), "conv1.weights")).toEqual([3, 3, 3, 8]);
    // 84 -> 42 -> 21 -> 10 -> 5
    expect(shapeOf(conv4("maxpool"), episodeOf(84, 84, 3), "head.weights")).toEqual([5 * 5 * 8, 5]);
  });

  test("lets a strided network see small images, and a max-pooled one those that leave a pixel", () => {
    expect(shapeOf(conv4("stride"), episodeOf(8, 8, 1), "head.weights")).toEqual([8, 5]);
    expect(() => createModel(conv4("maxpool"), ways, episodeOf(28, 15, 1))).toThrow(
      "model: conv4 with max-pooling expects images of at least 16x16 pixels, got 28x15; use stride",
    );
  });

  test("refuses examples that are no images", () => {
    for (const example of [[1], [28, 28], [1, 28, 28, 1]]) {
      expect(() => createModel(conv4("stride"), ways, episodeOf(...example))).toThrow(
        `model: conv4 expects images [height, width, channels], got examples of shape [${example}]; use mlp`,
      );
    }
  });
});
