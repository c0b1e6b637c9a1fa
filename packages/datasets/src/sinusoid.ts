import { createHash } from "node:crypto";
import type { Episode, EpisodeSpec, Examples, Split, TaskSource } from "@shoal/core";
import { createRandom, type Random, sine } from "@shoal/core/outer";
import type { ConfigOf } from "./data-set.ts";
import { madeData, queriesOf, shotsOf } from "./made-data.ts";
import { splitIndex, stream } from "./streams.ts";

type SinusoidConfig = ConfigOf<"sinusoid">;

export const sinusoid = madeData("regression of sine waves, made as they are asked for", openSinusoid);

/** Raised when an episode's numbers change. */
const recipe = "sinusoid/1";

/**
 * Regression of sine waves: y = A sin(x - phase), A in [0.1, 5], phase in [0, pi], x in [-5, 5].
 *
 * A task draws A and phase once, uniformly; support and query examples share them. `x` and `y` are
 * float32 `[n, 1]`. Tasks have no end, so the splits differ in their random stream alone.
 *
 * @see Finn et al. 2017, section 5.1, https://arxiv.org/abs/1703.03400
 */
export function openSinusoid(config: SinusoidConfig, seed: number): TaskSource {
  const spec = (split: Split): EpisodeSpec => ({
    support: examplesSpec(shotsOf(config, split)),
    query: examplesSpec(queriesOf(config, split)),
  });
  const { shots, queries, evaluationQueries, trainShots } = config;
  return {
    name: "sinusoid",
    problem: { type: "regression", outputs: 1 },
    dataHash: createHash("sha256")
      .update(JSON.stringify({ recipe, shots, queries, evaluationQueries, trainShots }))
      .digest("hex"),
    description: `sinusoid, A in [0.1, 5], phase in [0, pi], x in [-5, 5], ${shots} shots`,
    spec,
    episode(split, index): Episode {
      const random = createRandom(seed, stream.sinusoid, splitIndex[split], index);
      const amplitude = 0.1 + 4.9 * random.uniform();
      const phase = Math.PI * random.uniform();
      return {
        support: drawExamples(random, shotsOf(config, split), amplitude, phase),
        query: drawExamples(random, queriesOf(config, split), amplitude, phase),
      };
    },
  };
}

function drawExamples(random: Random, count: number, amplitude: number, phase: number): Examples {
  const x = new Float32Array(count);
  const y = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    x[i] = -5 + 10 * random.uniform();
    // The target belongs to the float32 input that the model sees.
    y[i] = amplitude * sine(x[i]! - phase);
  }
  return { x, y };
}

function examplesSpec(count: number): EpisodeSpec["support"] {
  return { x: { shape: [count, 1], dtype: "float32" }, y: { shape: [count, 1], dtype: "float32" } };
}
