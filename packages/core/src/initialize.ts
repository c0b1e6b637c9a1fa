import type { ParamSpec } from "./model.ts";
import { createRandom } from "./outer/random.ts";

/** How a parameter starts. */
export type Initializer =
  /** Uniform in +-sqrt(6 / (fanIn + fanOut)): Glorot and Bengio 2010, the MAML authors' choice for filters. */
  | { readonly type: "glorot"; readonly fanIn: number; readonly fanOut: number }
  /** Uniform in +-bound. */
  | { readonly type: "uniform"; readonly bound: number }
  | { readonly type: "normal"; readonly standardDeviation: number }
  | { readonly type: "constant"; readonly value: number }
  /** The values themselves, row by row: of a model that comes with its own, or is trained already. */
  | { readonly type: "values"; readonly values: Float32Array };

/** First coordinate of the random streams of initial parameters. */
const INITIAL_STREAM = 0x1717_0001;

/**
 * The initial parameters of a model, float32, flat, in declaration order.
 *
 * A function of `seed` and the declarations alone, with the same bits on every machine.
 */
export function initialize(params: readonly ParamSpec[], seed: number): Float32Array {
  const parts = params.map(({ shape, initial }, index) => {
    const random = createRandom(INITIAL_STREAM, seed, index);
    const size = shape.reduce((product, side) => product * side, 1);
    return Float32Array.from({ length: size }, (_, i) => {
      switch (initial.type) {
        case "values":
          return initial.values[i]!;
        case "constant":
          return initial.value;
        case "uniform":
          return initial.bound * (2 * random.uniform() - 1);
        case "normal":
          return initial.standardDeviation * random.normal();
        case "glorot":
          return Math.sqrt(6 / (initial.fanIn + initial.fanOut)) * (2 * random.uniform() - 1);
      }
    });
  });
  const flat = new Float32Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    flat.set(part, offset);
    offset += part.length;
  }
  return flat;
}
