import type { Experiment, TaskSource } from "@shoal/core";
import { drawExample } from "@shoal/datasets";
import { percent } from "../format.ts";
import type { InspectedTask } from "./inspect-tasks.ts";
import { plot } from "./plot.ts";

/** Queries of a task that are drawn: a 20-way task has 20 and more. */
const QUERIES_DRAWN_MAX = 30;

/**
 * One task as HTML: its support set, and its queries with what was predicted before and after adaptation; or once,
 * where adaptation moves no parameter.
 */
export async function drawTask(
  task: InspectedTask,
  source: TaskSource,
  { dataset }: Experiment,
  adapts: boolean,
): Promise<string> {
  const shape = source.spec("test").query.x.shape.slice(1);
  if (shape.length === 3) {
    const normalization = "normalization" in dataset ? dataset.normalization : "unit";
    return drawImages(task, shape, adapts, (pixels) => drawExample(pixels, shape, normalization));
  }
  if (shape.length === 1 && shape[0] === 1 && source.problem.type === "regression") return drawCurve(task);
  return "";
}

async function drawImages(
  { episode: { support, query }, before, after }: InspectedTask,
  shape: readonly number[],
  adapts: boolean,
  draw: (pixels: Float32Array) => Promise<Buffer>,
): Promise<string> {
  const size = shape.reduce((product, side) => product * side, 1);
  const picture = async (x: Float32Array, i: number): Promise<string> => {
    const png = await draw(x.subarray(i * size, (i + 1) * size));
    return `<img alt="" src="data:image/png;base64,${png.toString("base64")}">`;
  };
  const examples = await Promise.all(
    Array.from(
      support.y,
      async (label, i) =>
        `<figure>${await picture(support.x, i)}<figcaption>class ${label}</figcaption></figure>`,
    ),
  );
  const ways = before.length / query.y.length;
  const answer = (probabilities: Float32Array, i: number): string => {
    const row = probabilities.subarray(i * ways, (i + 1) * ways);
    const best = row.indexOf(Math.max(...row));
    const isRight = best === query.y[i];
    return `<span class="${isRight ? "right" : "wrong"}">${isRight ? "✓" : "✗"} ${best}, ${percent(row[best]!)}</span>`;
  };
  const drawn = Math.min(query.y.length, QUERIES_DRAWN_MAX);
  const queries = await Promise.all(
    Array.from(
      { length: drawn },
      async (_, i) =>
        `<figure>${await picture(query.x, i)}<figcaption>class ${query.y[i]}<br>` +
        `${adapts ? `before ${answer(before, i)}<br>after ` : ""}${answer(after, i)}</figcaption></figure>`,
    ),
  );
  const rest = drawn === query.y.length ? "" : ` (the first ${drawn} of ${query.y.length})`;
  return `<h4>support</h4><div class="images">${examples.join("")}</div><h4>queries${rest}</h4><div class="images">${queries.join("")}</div>`;
}

function drawCurve({ episode: { support, query }, before, after }: InspectedTask): string {
  const along = (values: ArrayLike<number>) =>
    Array.from(query.x, (x, i) => ({ x, y: values[i]! })).sort((a, b) => a.x - b.x);
  return plot(
    [
      { label: "truth", colour: 3, points: along(query.y) },
      { label: "before adaptation", colour: 0, points: along(before) },
      { label: "after", colour: 1, points: along(after) },
      {
        label: "support",
        colour: 2,
        isDots: true,
        points: Array.from(support.x, (x, i) => ({ x, y: support.y[i]! })),
      },
    ],
    { xLabel: "x", yLabel: "y", width: 380, height: 240 },
  );
}
