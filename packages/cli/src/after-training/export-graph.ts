import { predictProgram, taskShapes } from "@shoal/core";
import { exampleShapeOf } from "@shoal/datasets";
import { capture, exportOnnx } from "@shoal/graph";
import { identitiesOf, type Learner, paramsFor, type TaskSize } from "./learner.ts";

/** A tensor that goes into or comes out of an exported graph. */
export interface Port {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

export interface ExportedGraph {
  readonly model: Uint8Array;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
}

/**
 * Adaptation and prediction as one ONNX graph, with the initialization inside.
 *
 * Images go in as `support_images` and `query_images`, numbers as `support_inputs` and `query_inputs`; what the
 * support set shows as `support_labels` (int32) or `support_targets`. Classes come out as `probabilities` and
 * `predictions` (int32), numbers as `predictions`.
 */
export function exportGraph(
  learner: Learner,
  { ways, support, query }: TaskSize,
  metadata: Readonly<Record<string, string>>,
): ExportedGraph {
  const { problem, example } = exampleShapeOf(learner.experiment.dataset);
  const asked = problem.type === "classification" ? { ...problem, ways: ways! } : problem;
  const shapes = { ...taskShapes(asked, example, { support, query }), ...identitiesOf(learner) };
  const program = predictProgram(learner.experiment, shapes, learner.options);
  const params = paramsFor(learner, program, ways);
  const graph = capture(program.fn, ...program.specs);
  const kind = example.length === 3 ? "images" : "inputs";
  const names = [
    `support_${kind}`,
    problem.type === "regression" ? "support_targets" : "support_labels",
    `query_${kind}`,
  ];
  const outputs = graph.outputs.map(({ name }) => name);
  const model = exportOnnx(graph, {
    inputs: [...params, ...names.map((name) => ({ name }))],
    outputs,
    metadata,
  });
  return {
    model,
    inputs: graph.inputs
      .slice(params.length)
      .map(({ dtype, shape }, k) => ({ name: names[k]!, dtype, shape })),
    outputs: graph.outputs.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
  };
}
