import {
  algorithms,
  type Experiment,
  evaluateProgram,
  initialParams,
  modelLayout,
  parseExperiment,
  type TaskSource,
} from "@shoal/core";
import { openTaskSource } from "@shoal/datasets";
import { capture, compile } from "@shoal/graph";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import type { OptionName } from "../option-table.ts";
import { resolveExperiment } from "../resolve-experiment.ts";
import { exportGraph } from "./export-graph.ts";
import type { Learner } from "./learner.ts";

type Norm = "transductive" | "inductive";

/** A small network on glyphs that has learned nothing yet: its predictions differ all the more. */
function learnerOf(
  algorithm: (typeof algorithms)[number]["name"],
  source: TaskSource,
  batchNorm: Norm,
): Learner {
  const experiment = experimentOf(algorithm, batchNorm);
  return {
    experiment,
    checkpoint: {
      runId: "test",
      step: 0,
      params: initialParams(experiment, source),
      optimizer: { step: 0, vectors: {} },
      layout: modelLayout(experiment, source),
      dataHash: source.dataHash,
      experiment,
    },
    options: { steps: experiment.evaluation.innerSteps, batchNorm },
  };
}

function experimentOf(algorithm: (typeof algorithms)[number]["name"], batchNorm: Norm): Experiment {
  const values = { preset: "quickstart", algorithm, filters: 4, "test-batch-norm": batchNorm } as const;
  const given = Object.keys(values).filter((name) => name !== "preset") as OptionName[];
  const { experiment } = resolveExperiment(values, new Set(given));
  // Two steps show as much as fifty.
  const innerSteps = Math.min(2, experiment.evaluation.innerSteps);
  return parseExperiment({
    ...experiment,
    tasksPerLeaf: 1,
    evaluation: { ...experiment.evaluation, innerSteps },
  });
}

const source = await openTaskSource(experimentOf("maml", "transductive").dataset, { seed: 1 });

const cases = [
  ...algorithms.map(({ name }) => [name, "transductive"] as const),
  ["maml", "inductive"] as const,
  ["protonet", "inductive"] as const,
];

test.each(cases)(
  "a graph of %s, %s, gives the probabilities that evaluation measures",
  async (name, norm) => {
    const learner = learnerOf(name, source, norm);
    const { support, query } = source.episode("test", 0);
    const size = { ways: 5, support: support.y.length, query: query.y.length };
    const session = await ort.InferenceSession.create(exportGraph(learner, size, {}).model);
    const result = await session.run({
      support_images: new ort.Tensor("float32", support.x, [5, 28, 28, 1]),
      support_labels: new ort.Tensor("int32", support.y, [5]),
      query_images: new ort.Tensor("float32", query.x, [5, 28, 28, 1]),
    });
    const probabilities = result.probabilities!.data as Float32Array;
    const predictions = result.predictions!.data as Int32Array;

    const program = evaluateProgram(learner.experiment, source, "test");
    const evaluation = await compile(capture(program.fn, ...program.specs), { device: "cpu" });
    const { entries } = learner.checkpoint.layout;
    const params = entries.map(({ offset, size: n }) =>
      learner.checkpoint.params.subarray(offset, offset + n),
    );
    const [stats] = await evaluation.run([...params, support.x, support.y, query.x, query.y]);
    const last = (stat: string): number =>
      stats![program.statNames.indexOf(`${stat}@${learner.options.steps}`)]!;

    const labels = Array.from(query.y);
    const right = labels.filter((label, i) => predictions[i] === label).length;
    expect(right / labels.length).toBeCloseTo(last("accuracy"), 6);
    // The loss is the mean of -ln p of the right class: float32, of which ONNX Runtime may reorder sums.
    const losses = labels.map((label, i) => -Math.log(probabilities[5 * i + label]!));
    const loss = losses.reduce((sum, one) => sum + one, 0) / labels.length;
    expect(Math.abs(loss - last("loss"))).toBeLessThan(1e-3 * Math.max(1, last("loss")));
    await evaluation.close();
  },
);

test("any number of shots and queries fits; other ways fit only where nothing is as wide as the ways", () => {
  const sizes = { support: 6, query: 7 };
  expect(() => exportGraph(learnerOf("maml", source, "transductive"), { ...sizes, ways: 3 }, {})).toThrow(
    /ways: expected 5, .* got 3; give 5 classes, or train one with --ways 3/,
  );
  const { inputs, outputs } = exportGraph(
    learnerOf("protonet", source, "transductive"),
    { ...sizes, ways: 3 },
    {},
  );
  expect([...inputs, ...outputs]).toEqual([
    { name: "support_images", dtype: "float32", shape: [6, 28, 28, 1] },
    { name: "support_labels", dtype: "int32", shape: [6] },
    { name: "query_images", dtype: "float32", shape: [7, 28, 28, 1] },
    { name: "probabilities", dtype: "float32", shape: [7, 3] },
    { name: "predictions", dtype: "int32", shape: [7] },
  ]);
});
