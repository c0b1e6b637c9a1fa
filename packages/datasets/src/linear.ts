import { createHash } from "node:crypto";
import type { Episode, EpisodeSpec, Examples, Split, TaskSource } from "@shoal/core";
import { createRandom, type Random } from "@shoal/core/outer";
import type { ConfigOf } from "./data-set.ts";
import { eachOnItsOwn, madeData, queriesOf, shotsOf } from "./made-data.ts";
import { splitIndex, stream } from "./streams.ts";

type LinearConfig = ConfigOf<"linear">;

export const linear = madeData(
  "linear regression of 10 inputs, tasks near a shared one, made as they are asked for",
  openLinear,
);

/** Raised when an episode's numbers change. */
const recipe = "linear/1";
const inputs = 10;
/** Standard deviations: of a task's weights around the shared ones, and of the noise in y. */
const spread = 0.5;
const noise = 0.1;

/**
 * Linear regression of 10 inputs and 1 output.
 *
 *     y = sum_i w_i x_i + 0.1 e,  w_i = v_i + 0.5 n_i,  with v, n, e and x all standard normal
 *
 * The shared weights v are the same in every run, and so are the weights of the `trainTasks` training tasks; an
 * episode of training takes one of these and draws new x. Validation and test tasks have weights of their
 * own, near the same v. With fewer shots than inputs a task alone does not tell its weights: what helps is to
 * know v. `x` is float32 `[n, 10]`, `y` float32 `[n, 1]`.
 */
export function openLinear(config: LinearConfig, seed: number): TaskSource {
  const { shots, queries, evaluationQueries, trainShots, trainTasks } = config;
  const shared = drawVector(createRandom(stream.linearTask));
  const near = (random: Random): readonly number[] =>
    drawVector(random).map((deviation, i) => shared[i]! + spread * deviation);
  const spec = (split: Split): EpisodeSpec => ({
    support: examplesSpec(shotsOf(config, split)),
    query: examplesSpec(queriesOf(config, split)),
  });
  return {
    name: "linear",
    problem: { type: "regression", outputs: 1 },
    identities: eachOnItsOwn(trainTasks),
    dataHash: createHash("sha256")
      .update(JSON.stringify({ recipe, shots, queries, evaluationQueries, trainShots, trainTasks }))
      .digest("hex"),
    description:
      `linear regression, ${inputs} inputs, weights within a deviation of ${spread} of the shared ones, ` +
      `noise ${noise}, ${trainTasks} training tasks`,
    spec,
    episode(split, index): Episode {
      const random = createRandom(seed, stream.linear, splitIndex[split], index);
      const task = split === "train" ? random.int(trainTasks) : null;
      const weights = near(task === null ? random : createRandom(stream.linearTask, task));
      return {
        support: drawExamples(random, shotsOf(config, split), weights),
        query: drawExamples(random, queriesOf(config, split), weights),
        ...(task === null ? {} : { identities: Int32Array.of(task) }),
      };
    },
  };
}

function drawVector(random: Random): readonly number[] {
  return Array.from({ length: inputs }, () => random.normal());
}

function drawExamples(random: Random, count: number, weights: readonly number[]): Examples {
  const x = new Float32Array(count * inputs);
  const y = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    let sum = noise * random.normal();
    for (let i = 0; i < inputs; i++) {
      x[row * inputs + i] = random.normal();
      // The target belongs to the float32 input that the model sees.
      sum += weights[i]! * x[row * inputs + i]!;
    }
    y[row] = sum;
  }
  return { x, y };
}

function examplesSpec(count: number): EpisodeSpec["support"] {
  return { x: { shape: [count, inputs], dtype: "float32" }, y: { shape: [count, 1], dtype: "float32" } };
}
