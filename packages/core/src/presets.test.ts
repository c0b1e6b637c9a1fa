import { describe, expect, test } from "vitest";
import { parseExperiment } from "./experiment.ts";
import { presets } from "./presets.ts";

describe.each(presets)("the preset $name", ({ name, experiment }) => {
  test("is a valid experiment of its own name", () => {
    expect(parseExperiment(experiment)).toEqual(experiment);
    expect(experiment.name).toBe(name);
  });

  test("is plain JSON", () => {
    expect(JSON.parse(JSON.stringify(experiment))).toEqual(experiment);
  });
});
