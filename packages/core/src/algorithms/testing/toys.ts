import type { ModelConfig } from "../../experiment.ts";
import { createRandom, type Random } from "../../outer/random.ts";
import type {
  Episode,
  EpisodeSpec,
  Examples,
  ExamplesSpec,
  Identities,
  Problem,
  Split,
} from "../../task-source.ts";

export type ToyName = "lines" | "clusters" | "alphabets" | "images";

/** A distribution over tasks that is small enough for float64, and a model for it. */
export interface Toy {
  readonly problem: Problem;
  readonly model: ModelConfig;
  readonly identities?: Identities;
  spec(split: Split): EpisodeSpec;
  episode(index: number): Episode;
}

const WAYS = 3;
const SIDE = 16;
/** Classes of the two families of the toys whose classes come again. */
const FAMILIES = [4, 5] as const;

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
  // Three classes of one of two families, each around a point of its own; and the same noise.
  alphabets: toy(
    { type: "classification", ways: WAYS },
    { type: "mlp", hidden: [8] },
    [WAYS * 2, WAYS * 2],
    [4],
    (random, own) => {
      const centres = own.map((identity) => {
        const place = createRandom(78, identity);
        return [2 * place.normal(), 2 * place.normal()];
      });
      return (i) => ({
        x: [
          ...centres[i % WAYS]!.map((c) => c + 0.3 * random.normal()),
          2 * random.normal(),
          2 * random.normal(),
        ],
        y: i % WAYS,
      });
    },
    { familySizes: FAMILIES },
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
    { familySizes: FAMILIES },
  ),
};

function toy(
  problem: Problem,
  model: ModelConfig,
  [support, query]: readonly [number, number],
  example: readonly number[],
  task: (
    random: Random,
    own: readonly number[],
  ) => (i: number) => { readonly x: readonly number[]; readonly y: number },
  identities?: Identities,
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
    ...(identities === undefined ? {} : { identities }),
    spec: () => ({ support: spec(support), query: spec(query) }),
    episode(index) {
      const own = identities === undefined ? [] : drawClasses(createRandom(79, index));
      const one = task(createRandom(77, index), own);
      const examples = { support: draw(one, support), query: draw(one, query) };
      return own.length === 0 ? examples : { ...examples, identities: Int32Array.from(own) };
    },
  };
}

/** Different classes of one family. */
function drawClasses(random: Random): readonly number[] {
  const family = random.int(FAMILIES.length);
  const first = family === 0 ? 0 : FAMILIES[0];
  const classes = random.shuffle(Array.from({ length: FAMILIES[family]! }, (_, i) => first + i));
  return classes.slice(0, WAYS);
}
