import { createHash } from "node:crypto";
import type { Episode, EpisodeSpec, Examples, Split, TaskSource } from "@shoal/core";
import { cosine, createRandom, type Random, sine } from "@shoal/core/outer";
import type { ConfigOf } from "./data-set.ts";
import { eachOnItsOwn, madeData, queriesOf, shotsOf } from "./made-data.ts";
import { splitIndex, stream } from "./streams.ts";

type BinaryConfig = ConfigOf<"binary">;

export const binary = madeData(
  "binary classification of two half-moons, turned by the task's angle, made as they are asked for",
  openBinary,
);

/** Raised when an episode's numbers change. */
const recipe = "binary/1";
/** Standard deviation of each coordinate around its moon. */
const noise = 0.15;

/**
 * Binary classification of two interleaved half-moons in the plane.
 *
 *     class 0: (cos t - 0.5, sin t - 0.25),  class 1: (0.5 - cos t, 0.25 - sin t),  t in [0, pi]
 *
 * with normal noise of deviation 0.15 on both coordinates, and then all turned by the task's angle in
 * [0, 2 pi): half a turn exchanges the classes, so that only the support set tells them apart. An episode
 * of training takes one of `trainTasks` angles, the same in every run, and draws new points; validation and
 * test tasks have angles of their own. `x` is float32 `[2 n, 2]`, `y` int32 `[2 n]`, class 0 first.
 */
export function openBinary(config: BinaryConfig, seed: number): TaskSource {
  const { shots, queries, evaluationQueries, trainShots, trainTasks } = config;
  const spec = (split: Split): EpisodeSpec => ({
    support: examplesSpec(shotsOf(config, split)),
    query: examplesSpec(queriesOf(config, split)),
  });
  return {
    name: "binary",
    problem: { type: "binary" },
    identities: eachOnItsOwn(trainTasks),
    dataHash: createHash("sha256")
      .update(JSON.stringify({ recipe, shots, queries, evaluationQueries, trainShots, trainTasks }))
      .digest("hex"),
    description: `two half-moons turned by any angle, noise ${noise}, ${trainTasks} training tasks`,
    spec,
    episode(split, index): Episode {
      const random = createRandom(seed, stream.binary, splitIndex[split], index);
      const task = split === "train" ? random.int(trainTasks) : null;
      const angle = drawAngle(task === null ? random : createRandom(stream.binaryTask, task));
      return {
        support: drawExamples(random, shotsOf(config, split), angle),
        query: drawExamples(random, queriesOf(config, split), angle),
        ...(task === null ? {} : { identities: Int32Array.of(task) }),
      };
    },
  };
}

function drawAngle(random: Random): number {
  return 2 * Math.PI * random.uniform();
}

function drawExamples(random: Random, perClass: number, angle: number): Examples {
  const [turnSine, turnCosine] = [sine(angle), cosine(angle)];
  const x = new Float32Array(2 * perClass * 2);
  const y = new Int32Array(2 * perClass);
  for (let row = 0; row < 2 * perClass; row++) {
    const label = row < perClass ? 0 : 1;
    const side = label === 0 ? 1 : -1;
    const t = Math.PI * random.uniform();
    const across = side * (cosine(t) - 0.5) + noise * random.normal();
    const up = side * (sine(t) - 0.25) + noise * random.normal();
    x[2 * row] = turnCosine * across - turnSine * up;
    x[2 * row + 1] = turnSine * across + turnCosine * up;
    y[row] = label;
  }
  return { x, y };
}

function examplesSpec(perClass: number): EpisodeSpec["support"] {
  return { x: { shape: [2 * perClass, 2], dtype: "float32" }, y: { shape: [2 * perClass], dtype: "int32" } };
}
