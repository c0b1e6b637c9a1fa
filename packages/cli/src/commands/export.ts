import { writeFile } from "node:fs/promises";
import { paramsHash } from "@shoal/core/outer";
import { exampleShapeOf } from "@shoal/datasets";
import { exportGraph, type Port } from "../after-training/export-graph.ts";
import { exportSafetensors } from "../after-training/export-safetensors.ts";
import { type Learner, learnerProtocol, openLearner, type TaskSize } from "../after-training/learner.ts";
import { type Command, EXIT, type Invocation } from "../command.ts";
import { bytes, count } from "../format.ts";
import { usageError } from "../usage-error.ts";
import { version } from "../version.ts";

/** Options that shape a graph, and mean nothing where there is none. */
const graphOptions = ["ways", "shots", "queries", "inner-steps", "test-batch-norm"] as const;

export const exportCommand: Command = {
  name: "export",
  summary: "Write a checkpoint for other programs: tensors, or adaptation and prediction as one ONNX graph.",
  arguments: "<run>",
  options: ["format", "out", ...graphOptions, "json"],
  overrides: {
    out: { unset: "shoal.safetensors or shoal.onnx" },
    ways: { help: "onnx: classes of a task", unset: "the experiment's" },
    shots: { help: "onnx: support examples per class", unset: "the experiment's" },
    queries: { help: "onnx: queries in all", unset: "as in the experiment's evaluation" },
    "inner-steps": { help: "onnx: gradient steps on the support set", unset: "as in evaluation" },
    "test-batch-norm": {
      help: "onnx: whose statistics batch norm takes: transductive (the queries') or inductive (the support set's)",
    },
  },
  example: "shoal export runs/quickstart --format onnx --out shoal.onnx",
  async run(invocation) {
    const { values, given, terminal } = invocation;
    const format = values.format!;
    const useless = graphOptions.filter((name) => given.has(name));
    if (format === "safetensors" && useless.length > 0) {
      throw usageError(
        `--${useless[0]}: expected with --format onnx only, got --format safetensors, which holds no graph; leave it out`,
      );
    }
    const learner = await openLearner(invocation);
    const size = sizeOf(learner, invocation);
    const exported =
      format === "onnx"
        ? exportGraph(learner, size, metadataOf(learner, size))
        : { model: exportSafetensors(learner, metadataOf(learner)), inputs: [], outputs: [] };
    const file = values.out ?? `shoal.${format}`;
    await writeFile(file, exported.model).catch((error: Error) => {
      throw usageError(`--out: cannot write ${file}: ${error.message}`);
    });
    const { checkpoint } = learner;
    terminal.line(
      `${file}: ${count(checkpoint.layout.size)} parameters of step ${count(checkpoint.step)}, ${bytes(exported.model.length)}`,
    );
    for (const port of exported.inputs) terminal.line(`  in   ${portText(port)}`);
    for (const port of exported.outputs) terminal.line(`  out  ${portText(port)}`);
    if (format === "onnx") terminal.line(`  ${learnerProtocol(learner, size)}`);
    terminal.json({
      event: "exported",
      file,
      format,
      step: checkpoint.step,
      paramsHash: paramsHash(checkpoint.params),
      ...(format === "onnx" ? { inputs: exported.inputs, outputs: exported.outputs } : {}),
    });
    return EXIT.done;
  },
};

/** The tasks that a graph is made for. */
function sizeOf({ experiment }: Learner, { values }: Invocation): TaskSize {
  const { dataset } = experiment;
  const { problem } = exampleShapeOf(dataset);
  const shots = values.shots ?? dataset.shots;
  const { evaluationQueries } = dataset;
  if (problem.type === "classification") {
    const ways = values.ways ?? problem.ways;
    return { ways, support: ways * shots, query: values.queries ?? ways * evaluationQueries };
  }
  if (values.ways !== undefined) {
    throw usageError(
      `--ways: expected a checkpoint whose tasks have ways, got ${dataset.source}; leave it out`,
    );
  }
  const classes = problem.type === "binary" ? 2 : 1;
  return { ways: null, support: classes * shots, query: values.queries ?? classes * evaluationQueries };
}

/** What the file says of itself. */
function metadataOf(learner: Learner, size?: TaskSize): Record<string, string> {
  const { checkpoint, experiment } = learner;
  return {
    format: "shoal-export-1",
    shoal: version,
    experiment: JSON.stringify(experiment),
    ...(size === undefined ? {} : { protocol: learnerProtocol(learner, size) }),
    step: String(checkpoint.step),
    runId: checkpoint.runId,
    paramsHash: paramsHash(checkpoint.params),
    dataHash: checkpoint.dataHash ?? "",
  };
}

function portText({ name, dtype, shape }: Port): string {
  return `${name.padEnd(16)} ${dtype} [${shape.join(", ")}]`;
}
