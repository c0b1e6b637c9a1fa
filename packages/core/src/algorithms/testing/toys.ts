import type { ModelConfig } from "../../experiment.ts";
import { createRandom, type Random } from "../../outer/random.ts";
import type { Episode, EpisodeSpec, Examples, ExamplesSpec, Problem, Split } from "../../task-source.ts";

export type ToyName = "lines" | "clusters" | "images";

/** A distribution over tasks that is small enough for float64, and a model for it. */
export interface Toy {
  readonly problem: Problem;
  readonly model: ModelConfig;
  spec(split: Split): EpisodeSpec;
  episode(index: number): Episode;
}

const WAYS = 3;
const SIDE = 16;

/** The toys, by what they ask for. */
export const toys: { readonly [Name in ToyName]: Toy } = {
  // y = a x + b, with a and b from task to task
  lines: toy({ type: "regression", outputs: 1 }, { type: "mlp", hidden: [8] }, [5, 4], [1], (random) => {
    const [slope, shift] = [1 + random.normal(), 1 + random.normal()];
    return () => {
      const x = random.normal();
      return { x: [x], y: slope * x + shift };
    };
  }),
  // Three classes around three points of the plane; two further coordinates are noise, loud at first.
  clusters: toy(
    { type: "classification", ways: WAYS },
    { type: "mlp", hidden: [8] },
    [WAYS * 2, WAYS * 2],
    [4],
    (random) => {
      const centres = Array.from({ length: WAYS }, () => [2 * random.normal(), 2 * random.normal()]);
      return (i) => ({
        x: [
          ...centres[i % WAYS]!.map((c) => c + 0.3 * random.normal()),
          2 * random.normal(),
          2 * random.normal(),
        ],
        y: i % WAYS,
      });
    },
  ),
  // Noise: for gradients through convolutions and batch norm, not for learning.
  images: toy(
    { type: "classification", ways: WAYS },
    { type: "conv4", filters: 2, downsampling: "stride", batchNorm: "affine", head: "glorot" },
    [WAYS, WAYS * 2],
    [SIDE, SIDE, 1],
    (random) => (i) => ({
      x: Array.from({ length: SIDE * SIDE }, () => random.normal()),
      y: i % WAYS,
    }),
  ),
};

function toy(
  problem: Problem,
  model: ModelConfig,
  [support, query]: readonly [number, number],
  example: readonly number[],
  task: (random: Random) => (i: number) => { readonly x: readonly number[]; readonly y: number },
): Toy {
  const isClasses = problem.type === "classification";
  const spec = (n: number): ExamplesSpec => ({
    x: { shape: [n, ...example], dtype: "float32" },
    y: isClasses ? { shape: [n], dtype: "int32" } : { shape: [n, 1], dtype: "float32" },
  });
  const draw = (one: ReturnType<typeof task>, n: number): Examples => {
    const all = Array.from({ length: n }, (_, i) => one(i));
    const y = all.map((each) => each.y);
    return {
      x: Float32Array.from(all.flatMap(({ x }) => x)),
      y: isClasses ? Int32Array.from(y) : Float32Array.from(y),
    };
  };
  return {
    problem,
    model,
    spec: () => ({ support: spec(support), query: spec(query) }),
    episode(index) {
      const one = task(createRandom(77, index));
      return { support: draw(one, support), query: draw(one, query) };
    },
  };
}
