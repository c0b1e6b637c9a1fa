import type { DatasetConfig, Problem } from "@shoal/core";

/** What the tasks of a data set ask, and the shape of one example: all that is known without the data. */
export interface ExampleShape {
  readonly problem: Problem;
  /** `[height, width, channels]` of an image, `[inputs]` of numbers. */
  readonly example: readonly number[];
}

export function exampleShapeOf(config: DatasetConfig): ExampleShape {
  if (config.source === "mixed") {
    const { ways, imageSide, channels } = config;
    return { problem: { type: "classification", ways }, example: [imageSide, imageSide, channels] };
  }
  if ("imageSide" in config) {
    const { ways, imageSide } = config;
    return { problem: { type: "classification", ways }, example: [imageSide, imageSide, 3] };
  }
  switch (config.source) {
    case "glyphs":
    case "omniglot":
      return { problem: { type: "classification", ways: config.ways }, example: [28, 28, 1] };
    case "binary":
      return { problem: { type: "binary" }, example: [2] };
    case "linear":
      return { problem: { type: "regression", outputs: 1 }, example: [10] };
    case "sinusoid":
      return { problem: { type: "regression", outputs: 1 }, example: [1] };
  }
}
