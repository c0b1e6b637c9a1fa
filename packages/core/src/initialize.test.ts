import { describe, expect, test } from "vitest";
import { conv4 } from "./conv4.ts";
import { type Initializer, initialize } from "./initialize.ts";
import { paramsHash } from "./outer/params-hash.ts";

const draw = (initial: Initializer, size = 20_000, seed = 1): Float32Array =>
  initialize([{ name: "w", shape: [size], initial, adapted: true }], seed);
const mean = (values: Iterable<number>): number => {
  const array = Array.from(values);
  return array.reduce((sum, value) => sum + value, 0) / array.length;
};

describe("initialize", () => {
  test("draws Glorot's uniform numbers: within the bound, with variance 2 / (fanIn + fanOut)", () => {
    const values = draw({ type: "glorot", fanIn: 30, fanOut: 20 });
    const bound = Math.sqrt(6 / 50);
    for (const value of values) expect(Math.abs(value)).toBeLessThanOrEqual(bound);
    // A uniform's x^2 has variance bound^4 (1/5 - 1/9); 5 standard errors.
    const error = 5 * bound ** 2 * Math.sqrt((1 / 5 - 1 / 9) / 20_000);
    expect(Math.abs(mean(values.map((x) => x * x)) - 2 / 50)).toBeLessThan(error);
    expect(Math.abs(mean(values))).toBeLessThan((5 * bound) / Math.sqrt(3 * 20_000));
  });

  test("draws normal numbers with the standard deviation asked for", () => {
    const values = draw({ type: "normal", standardDeviation: 3 });
    expect(Math.abs(mean(values))).toBeLessThan((5 * 3) / Math.sqrt(20_000));
    expect(Math.abs(mean(values.map((x) => x * x)) / 9 - 1)).toBeLessThan(5 * Math.sqrt(2 / 20_000));
  });

  test("fills with a constant", () => {
    expect(Array.from(draw({ type: "constant", value: 0.5 }, 3))).toEqual([0.5, 0.5, 0.5]);
  });

  test("copies values that are given", () => {
    const values = Float32Array.of(1, 2, 3);
    expect(draw({ type: "values", values }, 3)).toEqual(values);
  });

  test("draws each parameter from its own stream", () => {
    const glorot = { type: "glorot", fanIn: 1, fanOut: 1 } as const;
    const [a, b] = [
      { name: "a", shape: [4], initial: glorot, adapted: true },
      { name: "b", shape: [4], initial: glorot, adapted: true },
    ];
    const flat = initialize([a!, b!], 1);
    expect(flat.subarray(0, 4)).not.toEqual(flat.subarray(4));
    expect(initialize([a!], 1)).toEqual(flat.slice(0, 4));
    expect(initialize([a!], 2)).not.toEqual(flat.slice(0, 4));
  });

  test("gives the same bits everywhere: a change of these breaks every stored run", () => {
    const { params } = conv4({
      image: [28, 28, 1],
      filters: 64,
      outputs: 5,
      downsampling: "stride",
      batchNorm: "outer-shift",
      head: "normal",
    });
    expect(paramsHash(initialize(params, 1))).toBe(
      "d9d53c227ebe3ab6d813562ca4f378acc96e8a9cf5a3521bedd26f4f761c0451",
    );
  });
});
